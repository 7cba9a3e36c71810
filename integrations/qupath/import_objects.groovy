/*
 * Add the outlines of `imgconv segment --geojson` to the open image, as detections with their
 * measurements. Written from QuPath's documentation for version 0.5; not tested in QuPath.
 *
 *   imgconv segment field.tif --geojson -o results/
 *
 * The file is looked for beside the image, then in results/; else you are asked.
 */
import qupath.fx.dialogs.FileChoosers
import qupath.lib.io.PathIO

def server = getCurrentServer()
def image = new File(server.getURIs()[0])
def stem = image.name.replaceFirst(/\.[^.]+$/, "")
def file = [image.parentFile, new File(image.parentFile, "results"), new File(image.parentFile, "segmented")]
    .collect { new File(it, stem + ".geojson") }
    .find { it.exists() }
if (file == null)
    file = FileChoosers.promptForFile("Outlines of imgconv", FileChoosers.createExtensionFilter("GeoJSON", "*.geojson"))
if (file == null)
    return

def objects = PathIO.readObjects(file)
addObjects(objects)
println objects.size() + " objects of " + file.name
