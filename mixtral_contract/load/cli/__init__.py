"""`python -m load`: runs compared, the instrument calibrated, the options listed."""
