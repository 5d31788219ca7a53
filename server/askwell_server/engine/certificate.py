"""Whether a model's certificate lets it be served here."""

from pathlib import Path

from askwell_manifest import Certificate, Manifest, Thresholds, int8_saturates

from .folder import ModelRefused


def check_certificate(
    folder: Path, manifest: Manifest, thresholds: Thresholds, device: str, compute_type: str | None
) -> None:
    """Raises ModelRefused, one line, unless the certificate passes and was measured with what runs here.

    ``device`` is "cpu" or "cuda:N"; ``compute_type`` is None until ctranslate2 has said what it made of
    the one that was asked for.
    """
    certificate, weights = manifest.certificate, manifest.files.get("model.bin")
    measure = f"measure it here with: askwell-convert certify {folder} --reference SOURCE --text FILE"
    if certificate is None:
        raise ModelRefused(f"{folder} has no certificate; {measure}")
    if weights is None or certificate.model_sha256 != weights.sha256:
        raise ModelRefused(f"{folder} has a certificate of other weights; {measure}")
    if failures := certificate.failures(thresholds):
        raise ModelRefused(
            f"{folder} has a certificate that does not pass: {failures[0]}; convert the model another way, "
            "or serve it without --require-certificate"
        )
    if difference := _difference(certificate, device.partition(":")[0], compute_type):
        raise ModelRefused(f"{folder} {difference}; {measure}")


def _difference(certificate: Certificate, device: str, compute_type: str | None) -> str | None:
    """How the certificate's computing differs from this process's, if it does."""
    if certificate.device != device:
        return f"was certified on {certificate.device}, and this is {device}"
    if compute_type not in (None, certificate.compute_type):
        return f"was certified as {certificate.compute_type}, and this computes as {compute_type}"
    if device == "cpu" and certificate.saturates != int8_saturates():
        return (
            f"was certified on another class of CPU ({certificate.instruction_set}), "
            f"and this one is {'without' if int8_saturates() else 'with'} VNNI"
        )
    return None
