// Find nuclei or cells in the open image with imgconv, and show labels, outlines and measurements.
//
// Install: Plugins > Macros > Install..., or put this file into ImageJ's plugins folder. `imgconv`
// must be on the path; if it is not, say where it is:
//   call("ij.Prefs.set", "imgconv.program", "/path/to/imgconv");
// What is on the screen is segmented, saved or not. Runs in ImageJ 1.53 and later, and in Fiji.
//
// From another macro, with options of `imgconv segment` as a preset file has them:
//   runMacro("imgconv_segment.ijm", "model = 'cells'; diameter = 30; exclude-border = true");

program = call("ij.Prefs.get", "imgconv.program", "imgconv");
options = getArgument();
if (nImages == 0) exit("Open an image first.");
if (options == "") {
  Dialog.create("imgconv segment");
  Dialog.addChoice("Model", newArray("nuclei", "cells"));
  Dialog.addNumber("Diameter (pixels, 0: found)", 0);
  Dialog.addNumber("Channel (0: the only one)", 0);
  Dialog.addCheckbox("Drop objects at the border", false);
  Dialog.show();
  options = "model = '" + Dialog.getChoice() + "'";
  diameter = Dialog.getNumber();
  if (diameter > 0) options += "; diameter = " + diameter;
  channel = Dialog.getNumber();
  if (channel > 0) options += "; channel = " + channel;
  if (Dialog.getCheckbox()) options += "; exclude-border = true";
}

folder = getDirectory("temp") + "imgconv-" + d2s(getTime(), 0) + File.separator;
File.makeDirectory(folder);
presets = folder + "imgconv.toml";
File.saveString("[segment]\n" + replace(options, ";", "\n") + "\n", presets);
title = getTitle();
// A copy, so that the window keeps its name and its "changed" mark.
run("Duplicate...", "title=image duplicate");
saveAs("Tiff", folder + "image.tif");
close();

said = exec(program, "segment", folder + "image.tif", "--rois", "--config", presets, "-o", folder);
labels = folder + "image-labels.tif";
if (!File.exists(labels)) exit("imgconv wrote no labels:\n" + said);

selectWindow(title);
roiManager("reset");
rois = folder + "image-rois.zip";
if (File.exists(rois)) roiManager("open", rois);
roiManager("Show All");
open(labels);
rename(title + " labels");
Table.open(folder + "image.csv");
Table.rename("image.csv", title + " measurements");
