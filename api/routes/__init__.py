"""One module for each noun of the API: its queries beside its routes."""
