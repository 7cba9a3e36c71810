"""imgconv in napari: segment, denoise and measure layers.

`layers.py` has what is done, with arrays; `widgets.py` what napari shows.
"""
