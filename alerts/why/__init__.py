"""Why an alert was opened: its stretch judged once more, and told as a page."""
