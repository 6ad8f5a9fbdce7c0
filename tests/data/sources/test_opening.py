"""Which form data have is told from them, and errors tell what to do."""

from pathlib import Path

import numpy as np
import pytest

from argus.data.records import Query, Sample, write_saco
from argus.data.sources import open_data
from argus.data.sources.opening import FORMS
from argus.ops import rle
from tests.data.own_data import SIZE_HW, coco_document, rectangle, write_coco, write_json, write_picture


def test_coco_becomes_labelled_images(tmp_path: Path) -> None:
    data = open_data(write_coco(tmp_path, coco_document()))
    assert (data.format, len(data), data.concepts, data.problems) == ("COCO JSON", 12, ("dog", "traffic light"), ())
    assert (data.counts.images, data.counts.instances, data.counts.phrases, data.counts.pairs) == (12, 36, 2, 24)
    sample = data.sample(3)
    assert sample.concepts == ("dog", "dog", "traffic light")
    assert [(query.text, query.kind, query.instances) for query in sample.queries] == [
        ("dog", "name", (0, 1)),
        ("traffic light", "name", (2,)),
    ]
    assert sample.boxes_xyxy_px.tolist() == [[2, 3, 20, 18], [10, 10, 30, 30], [40, 5, 50, 35]]
    assert (sample.masks[0] & sample.masks[1]).sum() == 10 * 8  # what overlaps is in both


def test_a_folder_with_one_json_file_is_enough(tmp_path: Path) -> None:
    write_coco(tmp_path, coco_document())
    assert open_data(tmp_path).counts == open_data(tmp_path / "instances.json", tmp_path / "images").counts
    write_json(tmp_path / "more.json", coco_document())
    with pytest.raises(ValueError, match=r"instances\.json, more\.json"):
        open_data(tmp_path)


def test_pictures_are_found_where_exports_put_them(tmp_path: Path) -> None:
    document = coco_document(3)
    document["images"][0]["file_name"] = "C:\\photos\\0.PNG"  # of another machine, in other letters
    write_picture(tmp_path / "train2017" / "0.png", seed=0)
    for number in (1, 2):
        write_picture(tmp_path / "train2017" / f"{number}.png", seed=number)
    path = write_json(tmp_path / "annotations" / "instances_train2017.json", document)
    assert len(open_data(path)) == len(open_data(tmp_path)) == 3


def test_crowds_are_neither_present_nor_absent(tmp_path: Path) -> None:
    document = coco_document(2)
    runs = {"size": list(SIZE_HW), "counts": [0, SIZE_HW[0] * SIZE_HW[1]]}
    document["annotations"].append(
        {"id": 99, "image_id": 0, "category_id": 1, "iscrowd": 1, "segmentation": runs},
    )
    crowded, plain = open_data(write_coco(tmp_path, document)).records
    assert [query.text for query in crowded.queries] == ["traffic light"]
    assert (crowded.unsure, crowded.concepts) == (("dog",), ("dog", "dog", "traffic light"))
    assert [query.text for query in plain.queries] == ["dog", "traffic light"]


def test_runs_and_polygons_of_one_number_list_are_read(tmp_path: Path) -> None:
    document = coco_document(1)
    mask = np.zeros(SIZE_HW, bool)
    mask[4:9, 6:11] = True
    counted = rle.to_coco(rle.encode(mask))
    document["annotations"][0]["segmentation"] = counted
    document["annotations"][1]["segmentation"] = rectangle(6, 4, 11, 9)[0]
    first, second = open_data(write_coco(tmp_path, document)).sample(0).masks[:2]
    assert np.array_equal(first, mask)
    assert np.array_equal(second, mask)


def test_saco_pairs_are_gathered_by_image(tmp_path: Path) -> None:
    masks = np.zeros((2, 12, 16), bool)
    masks[0, 2:6, 3:9] = masks[1, 8:12, 0:1] = True
    queries = (
        Query(text="red cat", language="en", kind="colour", instances=(1,)),
        Query(text="猫", language="zh", kind="name", instances=(0, 1)),
        Query(text="dog", language="en", kind="absent-sibling", instances=()),
    )
    image = np.full((12, 16, 3), 7, np.uint8)
    made = Sample(image=image, masks=masks, queries=queries, concepts=("cat", "cat"), name="scene")
    data = open_data(write_saco([made], tmp_path))
    read = data.sample(0)
    assert (data.format, read.concepts) == ("SA-Co JSON", ("猫", "猫"))
    assert np.array_equal(read.masks, masks)
    assert np.array_equal(read.image, image)
    told = {(query.text, query.language, query.kind, query.instances) for query in read.queries}
    assert told == {(query.text, query.language, query.kind, query.instances) for query in queries}
    assert data.counts.absent_pairs == 1


def test_pairs_that_may_lack_instances_are_not_asked(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png")
    pair = {"file_name": "a.png", "height": SIZE_HW[0], "width": SIZE_HW[1]}
    document = {
        "images": [
            {**pair, "id": 1, "text_input": "dog", "is_instance_exhaustive": 0},
            {**pair, "id": 2, "text_input": "cat"},
        ],
        "annotations": [{"image_id": number, "segmentation": rectangle(1, 1, 9, 9 + number)} for number in (1, 2)],
    }
    record = open_data(write_json(tmp_path / "saco.json", document)).records[0]
    assert [query.text for query in record.queries] == ["cat"]
    assert (record.unsure, record.concepts) == (("dog",), ("dog", "cat"))


def test_what_is_unknown_is_told_with_all_that_is_known(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is none"):
        open_data(tmp_path / "nowhere.json")
    with pytest.raises(ValueError, match="folder of the images"):
        open_data(tmp_path, tmp_path / "nowhere")
    (tmp_path / "notes.csv").write_text("a,b")
    for place, seen in ((tmp_path, r"notes\.csv"), (tmp_path / "notes.csv", r"a file \.csv")):
        with pytest.raises(ValueError, match=seen) as raised:
            open_data(place)
        assert all(form in str(raised.value) for form in FORMS)
    with pytest.raises(ValueError, match=r"'version', 'data'"):
        open_data(write_json(tmp_path / "other.json", {"version": 1, "data": []}))
    with pytest.raises(ValueError, match="pass its folder"):
        open_data(write_json(tmp_path / "one.json", {"shapes": []}))
