"""Real imagery: chips for the models, and how real the embedded world looks beside it."""
