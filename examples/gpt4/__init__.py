"""What examples/gpt4_for_everyone.py is made of: searches, systems, levers, and the two screens that tell of them."""
