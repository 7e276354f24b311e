"""What officers do with alerts and leads: steps, sign-offs, law, hand-overs, credit, draws."""
