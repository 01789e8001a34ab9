"""From curves to arrays: runs, the common grid, optima."""
