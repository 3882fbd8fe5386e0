"""Mask generation: images to masks of all that is in them. Follows MaskGenerationPipeline."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from PIL import Image

from python_backend import images, mask_crops, mask_filter
from python_backend.batching import pad
from python_backend.forward import TorchStage
from python_backend.mask_crops import Crop
from python_backend.parameters import Float, Int, InvalidInput, Parameters
from python_backend.stage import Request, Result, Stage, Tensors

PARAMETERS = Parameters(
    Int("points_per_batch", default=64, minimum=1, nullable=True, doc="Points of one pass; null: all of a crop."),
    Int("points_per_crop", default=32, minimum=1, doc="Points on a side of the grid that lies on a crop."),
    Int("crops_n_layers", default=0, minimum=0, doc="Layers of crops: layer n has 2**n crops on a side."),
    Float("crop_overlap_ratio", default=512 / 1500, minimum=0, maximum=0.99, doc="How far crops overlap."),
    Int("crop_n_points_downscale_factor", default=1, minimum=1, doc="Layer n has this**n times fewer points a side."),
    Float("mask_threshold", default=0.0, doc="The logit from which a pixel belongs to a mask."),
    Float("pred_iou_thresh", default=0.88, doc="The quality, as the model predicts it, that a mask must exceed."),
    Float("stability_score_thresh", default=0.95, doc="How little a mask must change with the threshold."),
    Float("stability_score_offset", default=1.0, doc="By how much the threshold is changed to see."),
    Float("crops_nms_thresh", default=0.7, doc="Masks whose boxes overlap a better one by more are dropped."),
)


class Preprocess(images.ImagePreprocess):
    """IMAGE [batch, 1] to what the model sees of each crop: pixel_values [batch, crops, channels, height, width];
    crop_boxes [batch, crops, 5] INT32: left, top, right, bottom, points on a side; 0 points for padding;
    reshaped_sizes [batch, crops, 2] INT32, height and width of the crop in pixel_values; target_size [batch, 2].

    Settings, besides ImagePreprocess's:
        max_points: points on all crops of an image, each a pass through the mask decoder. Default 16,384.
        max_crops: of all images of a request, each a tensor of the model's full size. Default 32: one and a half GB
            while they are made.
    """

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        super().load()
        self.max_points = self.setting("max_points", 16_384)
        self.max_crops = self.setting("max_crops", 32)

    def process(self, request: Request) -> Tensors:
        self.check(request)
        rows, sizes = [], []
        for data in request.tensors["IMAGE"].ravel():
            image = self.decode(data)
            sizes.append((image.height, image.width))
            rows.append(self.row(np.asarray(image), request.parameters))
        return {**{name: pad([row[name] for row in rows]) for name in rows[0]}, "target_size": np.array(sizes)}

    def check(self, request: Request) -> None:
        """InvalidInput for more crops and points than this deployment takes, before any is made."""
        layers, images = request.parameters["crops_n_layers"], len(request.tensors["IMAGE"])
        crops = images * (4 ** (min(layers, 16) + 1) - 1) // 3  # 1, 4, 16 ... of each
        if crops > self.max_crops:
            raise InvalidInput(
                f"crops_n_layers={layers} makes more crops of {images} images than the {self.max_crops:,} that this "
                "deployment takes in a request (max_crops). Send a smaller one, or fewer images at a time."
            )
        if request.parameters["points_per_crop"] ** 2 > self.max_points:
            raise self.too_many()

    def row(self, picture: np.ndarray, parameters: dict[str, Any]) -> Tensors:
        """The tensors of one picture [height, width, 3]."""
        height, width, _ = picture.shape
        crops = mask_crops.crops(
            height,
            width,
            parameters["crops_n_layers"],
            parameters["crop_overlap_ratio"],
            parameters["points_per_crop"],
            parameters["crop_n_points_downscale_factor"],
        )
        if not all(crop.points for crop in crops):
            raise InvalidInput("crop_n_points_downscale_factor leaves the last layer no points: send a smaller one.")
        if any(crop.right <= crop.left or crop.bottom <= crop.top for crop in crops):
            raise InvalidInput("The picture is too small for so many layers of crops: send a smaller crops_n_layers.")
        if sum(crop.points**2 for crop in crops) > self.max_points:
            raise self.too_many()
        parts = [picture[crop.top : crop.bottom, crop.left : crop.right] for crop in crops]
        made = self.processor(images=parts, return_tensors="np")
        return {
            "pixel_values": made["pixel_values"],
            "crop_boxes": np.array(crops, np.int32),
            "reshaped_sizes": np.array(made["reshaped_input_sizes"], np.int32),
        }

    def too_many(self) -> InvalidInput:
        return InvalidInput(
            f"points_per_crop and crops_n_layers make more points than the {self.max_points:,} that this deployment "
            "takes for an image (max_points). Send smaller ones."
        )


class Model(TorchStage):
    """Crops to masks: mask_bits [batch, n, bytes] UINT8, eight pixels a byte, row by row; scores [batch, n] FP32; boxes
    [batch, n, 4] INT32 (left, top, right, bottom); count [batch, 1]. Best first.

    Settings, besides TorchStage's:
        max_batch_rows: crops that are encoded together. Default 4.
        max_seconds: of one request, after which it is refused. Default 300.
    """

    PARAMETERS = PARAMETERS

    def load(self) -> None:
        super().load()
        self.model: Any = self.load_model("AutoModelForMaskGeneration")
        self.max_batch_rows = self.setting("max_batch_rows", 4)
        self.max_seconds = self.setting("max_seconds", 300.0)

    def process_batch(self, requests: list[Request]) -> list[Result]:
        import torch

        with torch.inference_mode():
            rows = [
                (request, row, crop)
                for request in requests
                for row, crop in np.argwhere(request.tensors["crop_boxes"][..., 4]).tolist()
            ]
            pixels = [request.tensors["pixel_values"][row, crop] for request, row, crop in rows]
            embeddings = iter(self.embeddings(pixels))
            return [self._attempt_masks(request, embeddings) for request in requests]

    def embeddings(self, pixels: list[np.ndarray]) -> Any:
        """The embedding of each crop in turn, some encoded at a time."""
        import torch

        for at in range(0, len(pixels), self.max_batch_rows):
            batch = torch.from_numpy(np.stack(pixels[at : at + self.max_batch_rows]))
            yield from self.model.get_image_embeddings(batch.to(self.model.device, self.model.dtype))

    def _attempt_masks(self, request: Request, embeddings: Any) -> Result:
        boxes = request.tensors["crop_boxes"]
        mine = [next(embeddings) for _ in range(np.count_nonzero(boxes[..., 4]))]
        try:
            return self.masks(request, iter(mine))
        except InvalidInput as error:
            return error

    def masks(self, request: Request, embeddings: Any) -> Tensors:
        """The outputs of one request."""
        tensors, parameters = request.tensors, request.parameters
        deadline = time.monotonic() + self.max_seconds
        rows: dict[str, list[np.ndarray]] = {}
        for row, (height, width) in enumerate(tensors["target_size"].tolist()):
            pieces = []
            for box, reshaped in zip(tensors["crop_boxes"][row], tensors["reshaped_sizes"][row], strict=True):
                if box[4]:
                    crop, seen = Crop(*box.tolist()), tuple(reshaped.tolist())
                    pieces += self.crop_masks(next(embeddings), crop, (height, width), seen, parameters, deadline)
            found = mask_filter.without_repeats(
                mask_filter.joined(pieces, (height, width)), parameters["crops_nms_thresh"]
            )
            outputs = {"mask_bits": found.bits, "scores": found.scores, "boxes": found.boxes}
            for name, array in {**outputs, "count": np.array([len(found.scores)], np.int32)}.items():
                rows.setdefault(name, []).append(array)
        return {name: pad(arrays) for name, arrays in rows.items()}

    def crop_masks(
        self,
        embedding: Any,
        crop: Crop,
        picture: tuple[int, int],
        reshaped: tuple[int, int],
        parameters: dict[str, Any],
        deadline: float,
    ) -> list[mask_filter.Masks]:
        """The good masks of one crop, a batch of points after the other."""
        import torch

        size = self.model.config.vision_config.image_size
        points = mask_crops.grid(crop.points, (crop.bottom - crop.top, crop.right - crop.left), reshaped)
        found = []
        step = parameters["points_per_batch"] or len(points)
        for at in range(0, len(points), step):
            if time.monotonic() > deadline:
                raise InvalidInput(
                    f"The masks take longer than the {self.max_seconds:g} s that this deployment gives a request "
                    "(max_seconds). Send fewer points or crops."
                )
            batch = torch.from_numpy(points[None, at : at + step, None]).to(self.model.device)
            labels = torch.ones(batch.shape[:-1], dtype=torch.long, device=batch.device)
            outputs = self.model(input_points=batch, input_labels=labels, image_embeddings=embedding[None])
            logits, scores = outputs.pred_masks[0].flatten(0, 1), outputs.iou_scores[0].flatten()
            found.append(mask_filter.good_masks(logits, scores, crop, picture, ((size, size), reshaped), parameters))
        return found


class Postprocess(Stage):
    """mask_bits [batch, n, bytes], target_size [batch, 2] and count [batch, 1] to MASK [batch, n], PNG files of mode 1
    in the size of the picture; "" behind the last. The rest goes from the model straight to the caller."""

    PARAMETERS = PARAMETERS

    def process(self, request: Request) -> Tensors:
        packed, counts = request.tensors["mask_bits"], request.tensors["count"]
        masks = np.full(packed.shape[:2], b"", object)
        for row, (height, width) in enumerate(request.tensors["target_size"].tolist()):
            for at in range(counts[row, 0]):
                bits = np.unpackbits(packed[row, at], count=height * width).reshape(height, width)
                masks[row, at] = images.png(Image.fromarray(bits * np.uint8(255)).convert("1"))
        return {"MASK": masks}
