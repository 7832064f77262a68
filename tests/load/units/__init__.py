"""Tests of the load instrument's units."""
