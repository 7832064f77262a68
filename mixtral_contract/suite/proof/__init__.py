"""Every clause can fail: the mock breaks one at a time, and the suite finds exactly that one."""
