"""What is trained: data sets and model families, sized and seeded."""
