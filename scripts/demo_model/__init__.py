"""How the embedded demonstration model ``builtin/demo`` and the bundled samples are made.

Everything is generated from seeds; nothing is downloaded. From the repository's root::

    python -m scripts.demo_model.train           # model, metrics, card; 8 minutes of one core
    python -m scripts.demo_model.samples         # examples/samples/ and its samples.json
    python -m scripts.demo_model.contact_sheet contact_sheet.png   # to look at what it learns from

``canvas``    drawing primitives: noise, blobs, shading, skin tones.
``normal``    scenes that are not flagged, most of them chosen because they are easily mistaken.
``flagged``   scenes with large smooth skin-tone shapes.
``images``    seeded sets of scenes as a camera would deliver them.
``metrics``   accuracy, area under the ROC curve, confusion.
``motion``, ``encode``  moving pictures and files, for the samples.
``verify``    what the model makes of the samples.
"""
