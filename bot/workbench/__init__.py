"""What a team that is not made of engineers does with real questions: attach, preview, confirm, publish."""
