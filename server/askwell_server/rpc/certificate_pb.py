"""A model's certificate as protobuf."""

from askwell.v1 import generation_pb2 as pb
from askwell_manifest import Interval, Manifest


def certificate_to_pb(manifest: Manifest) -> pb.Certificate | None:
    """None when there is none of these weights."""
    certificate, weights = manifest.certificate, manifest.files.get("model.bin")
    if certificate is None or weights is None or certificate.model_sha256 != weights.sha256:
        return None
    return pb.Certificate(
        perplexity_ratio=certificate.perplexity_ratio,
        perplexity_ratio_interval=_interval(certificate.perplexity_ratio_interval),
        mean_kl=certificate.mean_kl,
        mean_kl_interval=_interval(certificate.mean_kl_interval),
        same_top1=certificate.same_top1,
        same_top1_interval=_interval(certificate.same_top1_interval),
        same_top5=certificate.same_top5,
        same_top5_interval=_interval(certificate.same_top5_interval),
        largest_deviation=certificate.largest_deviation,
        tokens=certificate.tokens,
        text_sha256=certificate.text_sha256,
        device=certificate.device,
        compute_type=certificate.compute_type,
        instruction_set=certificate.instruction_set,
        date=certificate.date,
    )


def _interval(interval: Interval) -> pb.Interval:
    return pb.Interval(low=interval[0], high=interval[1])
