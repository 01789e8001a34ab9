"""A study already run."""

from normlaws.laws import plant

plant(sizes=[100, 200, 400, 800], seeds=3).write("runs/teacher-mlp")
