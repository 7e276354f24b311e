"""Who is told, and how: messages to people, webhooks to other systems."""
