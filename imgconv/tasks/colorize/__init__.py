"""Colour for grey pictures: pure functions of one plane.

model, card = load("photo", "colorize")
work = Colorizer(model, hints=(point("120,80,#3b5d38"),), card=card)
rgb = work(plane, info)         # describe(info) is the record that belongs to it
"""
