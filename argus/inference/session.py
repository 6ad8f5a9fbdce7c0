"""One video and all that is asked of it, frame by frame."""

import weakref
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from inspect import GEN_RUNNING, getgeneratorstate
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike
from torch import Tensor

from argus.inference import asking, association, budget, saved
from argus.inference.follow import Concept, Followed, Place, answer_early, step
from argus.inference.history import RECENT, History
from argus.inference.policy import VideoPolicy
from argus.inference.session_state import Span, State, Waiting, anew
from argus.inference.showing import as_shown, tracked
from argus.inference.sources import Frame, Video, read_ahead
from argus.inference.spans import Direction, backward_block, finished, planned, read
from argus.inference.turns import Turns
from argus.model.prompt_encoder import MASK_SCALE
from argus.model.sam3 import Features, Sam3
from argus.ops.pixels import to_model_input
from argus.types import MaskletState, TrackedFrame

HISTORY = 64  # the part of the memory that runs of frames already shown may take
READ_AHEAD = 4  # frames that are decoded while one is at work
EXITED = 10_000  # masklets that were let go and are still listed, the newest


class VideoSession:
    """One video and what is asked of it; made by `VideoPredictor.open`.

    What is asked may be added and removed at any time, also while `run` goes on; it holds from the next frame that is
    done. Ids are never used twice, and concepts and masklets share them.

    Threads may share a session: while one goes through `run`, others may ask, look and save. They wait until the frame
    at work is done. Only a new run begins where none is at work: it is the consumer that leaves the loop.
    """

    def __init__(self, model: Sam3, policy: VideoPolicy, memory: int, video: Video) -> None:
        self.video = video
        self.policy = policy
        self._model = model
        self._turns = Turns()
        self._state = State()
        self._history = History(limit_bytes=memory // HISTORY)
        self._running: Callable[[], Generator[TrackedFrame, None, None] | None] = lambda: None
        self._block = backward_block(video, memory // 16)
        held = READ_AHEAD + 2 + policy.hot_start + self._block
        self._room = budget.room(model, memory - memory // HISTORY, video.size_hw, held, RECENT)
        self._most = min(self._room, policy.max_objects)

    @property
    def concepts(self) -> dict[int, str]:
        """The concepts that are asked for, by id."""
        with self._turns.taken():
            return {id: concept.name for id, concept in self._state.concepts.items()}

    @property
    def states(self) -> dict[int, MaskletState]:
        """How every masklet stands after the last frame, by id; withdrawn ones are not there."""
        with self._turns.taken():
            states = dict.fromkeys(self._state.exited, MaskletState.exited)
            for one in self._state.objects:
                visible = self._history.last_seen.get(one.id) == self._state.frame
                states[one.id] = self._standing(one) if visible else MaskletState.occluded
            return dict(sorted(states.items()))

    @property
    def dropped(self) -> int:
        """New masklets for which there was no room, in `max_objects` or in memory."""
        return self._state.dropped

    def add(
        self,
        phrase: str | None = None,
        *,
        boxes: ArrayLike | Tensor | None = None,
        labels: ArrayLike | Tensor | None = None,
        box: ArrayLike | Tensor | None = None,
        points: ArrayLike | Tensor | None = None,
        mask: ArrayLike | Tensor | None = None,
        frame: int | None = None,
        masklet: int | None = None,
    ) -> int:
        """Ask for a concept or an object; returns its id.

        A concept: a phrase, which holds in all frames, example `boxes` (n, 4) with `labels` (1 is +, 0 is -), which
        hold in `frame`, or both. A phrase that is already asked for keeps its id and takes the boxes.
        One object: `points` (k, 2) with `labels`, a `box` (4), or its `mask` (height, width) in `frame`; with
        `masklet`, a correction of that one there, in place of what was asked of it there. All in pixels of the upright
        frame.
        `frame` is the next one to be done by default; of a live video no other can be asked about.

        Raises ValueError for an empty question, a mix of the two, values out of the frame, a frame that is not there or
        cannot be decoded, an unknown masklet, and an object for which there is no memory.
        """
        of_object = box is not None or points is not None or mask is not None
        if of_object and (phrase is not None or boxes is not None):
            raise ValueError(
                "Expected a concept (a phrase, boxes) or one object (box, points, mask), got both. Add them one by one."
            )
        if masklet is not None and not of_object:
            raise ValueError(f"Expected points, a box or a mask to correct masklet {masklet} with, got none of them.")
        anywhere = frame is None and boxes is None and not of_object
        with self._turns.taken():
            place = 0 if anywhere else self._checked_frame(frame)
            if of_object:
                return self._add_object(box, points, labels, mask, place, masklet)
            return self._add_concept(asking.checked_phrase(phrase), boxes, labels, place)

    def remove(self, id: int) -> None:
        """Stop to ask for a concept, whose masklets end, or for one masklet; frames that still wait are shown without.

        Raises ValueError for an unknown id.
        """
        if not isinstance(id, (int, np.integer)) or isinstance(id, bool):
            raise ValueError(f"Expected the id of a concept or a masklet, a whole number, got {id!r}.")
        with self._turns.taken():
            state = self._state
            if id in state.concepts:
                del state.concepts[id]
                gone = {one.id for one in state.objects if one.track.concept == id}
            else:
                gone = {self._object(id).id}
            state.objects = tuple(one for one in state.objects if one.id not in gone)
            self._withdraw(gone)

    def run(
        self, direction: Direction = "forward", start: int | None = None, stop: int | None = None
    ) -> Iterator[TrackedFrame]:
        """Go through the video and yield each frame's masklets; where concepts are asked for, when `policy.hot_start`
        frames from it on are done.

        "forward": from `start` (the first frame by default) to before `stop`. "backward": from `start` (the last) down
        to above `stop`. "both": forward from `start` (the first in which an object was picked), then backward from the
        frame before it. Without `start` an interrupted run of the same direction goes on where it stood; with it, or
        after a whole run, masklets keep their ids and what was asked, and their tracks from there on are made anew.
        A new run ends the one before.

        Raises ValueError for frames that are not there, when nothing is asked, for a live video other than forward, and
        while another thread is at work on a frame of the run before.
        """
        with self._turns.taken():
            state = self._state
            if not state.concepts and not state.objects:
                raise ValueError("Expected something to look for, got nothing. Call add first.")
            if (earlier := self._running()) is not None:
                if getgeneratorstate(earlier) == GEN_RUNNING:
                    raise ValueError("Expected no run at work in another thread, got one. Leave its loop first.")
                earlier.close()
            unfinished = bool(state.waiting) or any(not finished(span, self.video.frames) for span in state.plan)
            if not unfinished or start is not None or stop is not None or direction != state.direction:
                picked_in = [frame for one in state.objects if one.track.picked for frame in one.asked]
                state.plan = planned(self.video, direction, start, stop, picked_in)
                state.direction = direction
                state.waiting.clear()
        run = self._run()
        self._running = weakref.ref(run)
        return run

    def flush(self) -> list[TrackedFrame]:
        """The frames that are done but wait for their hot start, to be shown now: after a run that was broken off."""
        return list(self._show(keep=0))

    def save(self, path: str | Path) -> None:
        """Write all that the session knows to a file, which `VideoPredictor.resume` reads. Raises ValueError for a live
        video, which cannot be gone back to."""
        if self.video.live:
            raise ValueError("Expected a video from a file, a folder or an array to save a session of, got a live one.")
        with self._turns.taken():
            saved.write(Path(path), self.video, self._state, self._history)

    def restore(self, path: str | Path) -> None:
        """Take what a saved session knew. Raises ValueError for a file that is none, or is of another video."""
        with self._turns.taken():
            self._state = saved.read(Path(path), self.video, self._model.device, self._history)

    def _run(self) -> Generator[TrackedFrame, None, None]:
        state = self._state
        while state.plan:
            span = state.plan[0]
            if span.fresh:
                with self._turns.taken():
                    self._begin(span)
            with closing(read_ahead(read(self.video, span, self._block), READ_AHEAD)) as frames:
                for frame in frames:
                    with self._turns.taken():
                        self._do(frame, span.reverse)
                        state.plan = (replace(span, start=_after(frame.index, span), fresh=False), *state.plan[1:])
                        keep = self.policy.hot_start - 1 if state.concepts else 0
                    yield from self._show(keep)
            yield from self._show(keep=0)
            with self._turns.taken():
                state.plan = state.plan[1:]

    def _do(self, frame: Frame, reverse: bool) -> None:
        """One frame: every object in it, and the frame in the queue of those to be shown."""
        state = self._state
        place = Place(frame=frame.index, frames=self.video.frames, reverse=reverse)
        self._make_room(frame.index, reverse)
        with torch.inference_mode():
            self._answer_early(place)
            result = step(
                self._model,
                self._encode(frame),
                frame.pixels,
                state.objects,
                list(state.concepts.values()),
                place,
                self.policy,
                state.next_id,
                self._most - len(state.objects),
            )
            shown = as_shown(self._model, result.seen, result.objects, frame, self.policy)
        state.objects = tuple(sorted(result.objects, key=lambda one: one.id))
        state.next_id = result.next_id
        self._withdraw(set(result.withdrawn))
        state.dropped += result.dropped
        state.frame, state.reverse = frame.index, reverse
        self._history.append(frame.index, {one.id: one.rle for one in shown}, result.seen)
        state.waiting.append(Waiting(frame=frame, shown=shown))

    def _withdraw(self, ids: set[int]) -> None:
        """Masklets that turned out wrong are shown in none of the frames that wait."""
        self._history.forget(ids)
        for place, waiting in enumerate(self._state.waiting if ids else ()):
            shown = tuple(one for one in waiting.shown if one.id not in ids)
            self._state.waiting[place] = replace(waiting, shown=shown)

    def _encode(self, frame: Frame) -> Features:
        return self._model.encode(to_model_input(frame.pixels, self._model.image_size_hw)[None])

    def _show(self, keep: int) -> Iterator[TrackedFrame]:
        """Frames that need not wait any longer; all but the last `keep`."""
        while True:
            with self._turns.taken():
                state = self._state
                if len(state.waiting) <= max(keep, 0):
                    return
                standing = {one.id: self._standing(one) for one in state.objects}
                shown = tracked(state.waiting.popleft(), standing)
            yield shown

    def _standing(self, one: Followed) -> MaskletState:
        """Of a visible masklet."""
        state = self._state
        young = association.in_hot_start(one.track, state.frame, self.policy, state.reverse)
        return MaskletState.tentative if young and not one.track.kept else MaskletState.confirmed

    def _begin(self, span: Span) -> None:
        """Forget what lies in the way of a run: tracks from its start on, but not what was asked."""
        state = self._state
        self._history.last_seen.clear()
        state.objects = tuple(anew(one, span, self.policy, state) for one in state.objects)

    def _answer_early(self, place: Place) -> None:
        """Take what was asked about other frames into memory, where an object that has begun lacks it."""
        state = self._state
        lacking = {one.id: one.lacks(place.frame) for one in state.objects if one.awake(place.frame, place.reverse)}
        for index in sorted(set().union(*lacking.values())):
            features, there = self._encode(self._frame_at(index)), replace(place, frame=index)
            state.objects = tuple(
                answer_early(self._model, features, one, there) if index in lacking.get(one.id, ()) else one
                for one in state.objects
            )

    def _frame_at(self, index: int) -> Frame:
        with closing(self.video.read(index, index + 1)) as frames:
            for frame in frames:
                return frame
        raise ValueError(f"Expected frame {index} of {self.video.name}, got none: it could not be decoded.")

    def _make_room(self, frame: int, reverse: bool) -> None:
        """Where memory is full, let the masklets go that were not seen for longest, past their keep-alive."""
        state = self._state
        excess = len(state.objects) - self._room + 1
        if excess <= 0:
            return
        unseen = {one.id: abs(frame - self._history.last_seen.get(one.id, one.track.first)) for one in state.objects}
        begun = [one for one in state.objects if not one.track.kept and one.awake(frame, reverse)]
        absent = [one.id for one in begun if unseen[one.id] > self.policy.keep_alive]
        leaving = set(sorted(absent, key=lambda id: -unseen[id])[:excess])
        state.exited = set(sorted(state.exited | leaving)[-EXITED:])
        self._history.forget(leaving)
        state.objects = tuple(one for one in state.objects if one.id not in leaving)

    def _checked_frame(self, frame: int | None) -> int:
        following = self._state.plan[0].start if self._state.plan else 0
        frame = following if frame is None else frame
        if not isinstance(frame, (int, np.integer)) or isinstance(frame, bool):
            raise ValueError(f"Expected the index of a frame (0, 1, ...), got {frame!r}.")
        if self.video.live and frame != following:
            raise ValueError(f"Expected the next frame of a live video, {following}, got {frame}. Leave frame out.")
        if frame < 0 or (self.video.frames is not None and frame >= self.video.frames):
            raise ValueError(
                f"Expected a frame in 0..{(self.video.frames or 0) - 1}, got {frame}: {self.video.name} has "
                f"{self.video.frames} frames."
            )
        if not self.video.live and not any(frame in one.asked for one in self._state.objects):
            self._frame_at(int(frame))
        return int(frame)

    def _add_concept(
        self, text: str | None, boxes: ArrayLike | Tensor | None, labels: ArrayLike | Tensor | None, frame: int
    ) -> int:
        state = self._state
        if text is None and boxes is None:
            raise ValueError("Expected a phrase, boxes, points, a box or a mask, got none of them.")
        if self._model.config.detector is None:
            raise ValueError(
                "Expected a box, points or a mask: this model is a tracker alone, and cannot read phrases."
            )
        known = [id for id, concept in state.concepts.items() if text is not None and concept.text == text]
        concept = state.concepts[known[0]] if known else Concept(id=state.next_id, text=text)
        concept = asking.concept_with(concept, boxes, labels, frame, self.video.size_hw)
        state.concepts[concept.id] = concept
        state.next_id += not known
        return concept.id

    def _add_object(
        self,
        box: ArrayLike | Tensor | None,
        points: ArrayLike | Tensor | None,
        labels: ArrayLike | Tensor | None,
        mask: ArrayLike | Tensor | None,
        frame: int,
        masklet: int | None,
    ) -> int:
        state = self._state
        if mask is not None and (box is not None or points is not None or labels is not None):
            raise ValueError("Expected a mask, or points and a box, of an object, got both.")
        old = None if masklet is None else self._object(masklet)
        size_hw, model_hw = self.video.size_hw, self._model.image_size_hw
        if mask is not None:
            asked = asking.asked_mask(mask, size_hw)
        else:
            earlier = None if masklet is None else self._earlier(frame, masklet)
            asked = asking.asked_points(points, labels, box, earlier, size_hw, model_hw)
        if old is not None:
            asked_now = {**old.asked, frame: asked}
            track = replace(old.track, corrected=True)
            corrected = replace(old, track=track, asked=asked_now, bank=old.bank.forget(frame))
            state.objects = tuple(corrected if one.id == masklet else one for one in state.objects)
            return old.id
        if len(state.objects) >= self._most:
            raise ValueError(
                f"Expected at most {self._most} objects at a time, got one more. Remove one, or allow more memory or "
                "max_objects."
            )
        id = state.next_id
        track = association.Track(id=id, concept=-id, first=frame, keep_alive=self.policy.keep_alive, picked=True)
        state.objects = (*state.objects, Followed(track=track, name=f"object {id}", asked={frame: asked}))
        state.next_id += 1
        return id

    def _earlier(self, frame: int, masklet: int) -> Float[Tensor, "h w"] | None:
        """The logits of a masklet in a frame that is done, where it was seen."""
        return self._history.logits(frame, masklet, self._mask_hw)

    @property
    def _mask_hw(self) -> tuple[int, int]:
        height, width = self._model.image_size_hw
        patch = self._model.config.vision.patch
        return height // patch * MASK_SCALE, width // patch * MASK_SCALE

    def _object(self, id: int) -> Followed:
        for one in self._state.objects:
            if one.id == id:
                return one
        known = sorted({*(one.id for one in self._state.objects), *self._state.concepts})
        raise ValueError(f"Expected the id of a concept or a masklet, one of {known}, got {id!r}.")


def _after(index: int, span: Span) -> int:
    return index - 1 if span.reverse else index + 1
