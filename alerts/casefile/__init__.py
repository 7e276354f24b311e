"""A lead's case file: what is gathered, drawn, written and sealed so that anyone can check it."""
