"""What several test folders share: things that stand in for the world around the program, such as its clock."""
