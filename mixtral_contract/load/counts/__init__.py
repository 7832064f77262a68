"""Records added up, in forms that add up over workers and stages."""
