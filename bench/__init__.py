"""What the engine costs, as ratios to references in one run. ``make bench``."""
