"""Programs that measure the mock's own speed, side by side with a bound in C, with nginx, and with peers."""
