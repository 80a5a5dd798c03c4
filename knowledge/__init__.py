"""What the préfecture knows: approved replies, dated facts, services, official pages, phone scripts. Owns the database."""
