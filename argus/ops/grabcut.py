"""Outlines settled by colour: what is surely object and surely not decides about the rest."""

import numpy as np
from jaxtyping import Float, UInt8

UNSURE = 2.0  # logits within so much of 0 are settled; those beyond stay as they are
ROUNDS = 1  # of fitting the colours and cutting anew
ALIKE = 0.5  # IoU of a mask before and after; where colours say something else altogether, they are not listened to


def settled(pixels: UInt8[np.ndarray, "r c 3"], mask_logits: Float[np.ndarray, "m h w"]) -> Float[np.ndarray, "m h w"]:
    """Each mask's logits with the signs that GrabCut (Rother et al., SIGGRAPH 2004) gives its unsure cells.

    The picture, of any size, is what the masks are of. A mask that covers all of it or nothing stays as it is.
    """
    import cv2

    height, width = mask_logits.shape[1:]
    picture = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    answers = mask_logits.copy()
    for logits in answers:
        inside, sure = logits > 0, np.abs(logits) > UNSURE
        if inside.all() or not inside.any():
            continue
        known = np.where(sure, np.where(inside, cv2.GC_FGD, cv2.GC_BGD), np.where(inside, cv2.GC_PR_FGD, cv2.GC_PR_BGD))
        labels, around, of_object = known.astype(np.uint8), np.zeros((1, 65)), np.zeros((1, 65))
        cv2.setRNGSeed(0)  # the colours are first fitted by random clusters
        cv2.grabCut(picture, labels, (0, 0, 0, 0), around, of_object, ROUNDS, cv2.GC_INIT_WITH_MASK)
        cut = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
        if (cut & inside).sum() >= ALIKE * (cut | inside).sum():
            logits[:] = np.where(cut, np.abs(logits), -np.abs(logits))
    return answers
