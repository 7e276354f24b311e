"""One module per noun; each answers with rows as the database gave them."""
