"""A run of the suite inside pytest: options, settings, selection, fixtures, outcomes, the dry run."""
