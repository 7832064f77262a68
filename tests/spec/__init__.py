"""Tests of the contract's readers."""
