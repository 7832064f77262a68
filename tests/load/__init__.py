"""Tests of the load run."""
