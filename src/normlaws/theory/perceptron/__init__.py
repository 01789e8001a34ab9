"""The solvable perceptron."""
