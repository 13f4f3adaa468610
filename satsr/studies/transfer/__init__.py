"""Do representations of super-resolution transfer? Classes of scenes from the features of networks, by few labels."""
