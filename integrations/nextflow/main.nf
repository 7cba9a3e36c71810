// Segment every image of a folder, one process an image, and gather the tables.
//
//   nextflow run integrations/nextflow --images 'plate/*.tif' --out results
//
// A plate on one machine needs no workflow: `imgconv segment plate/ -o results/` does the same.
nextflow.enable.dsl = 2

params.images = 'samples/cells/*.tif'
params.out = 'out/nextflow'
params.options = ''

process SEGMENT {
    tag "${image.name}"
    cpus 2
    publishDir params.out, mode: 'copy'

    input:
    path image

    output:
    path "${image.baseName}-labels.tif"
    path "${image.baseName}-overlay.png"
    path "${image.baseName}.csv", emit: table

    script:
    """
    imgconv segment '${image}' -o ./ --threads ${task.cpus} ${params.options}
    """
}

workflow {
    SEGMENT(Channel.fromPath(params.images))
    SEGMENT.out.table.collectFile(name: 'all.csv', storeDir: params.out, keepHeader: true, skip: 1)
}
