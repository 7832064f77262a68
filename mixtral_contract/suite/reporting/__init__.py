"""What a run found, for people and programs: summary, page, JSON, badge, and what a run would cost."""
