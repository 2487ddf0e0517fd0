// `docker buildx bake`: both images for both architectures, each with a software bill of materials and provenance.
variable "REGISTRY" { default = "observer" }
variable "TAG" { default = "0.1.0" }

group "default" { targets = ["agent", "collector"] }

target "common" {
  context   = "."
  platforms = ["linux/amd64", "linux/arm64"]
  attest    = ["type=sbom", "type=provenance,mode=max"]
}

target "agent" {
  inherits = ["common"]
  target   = "agent"
  tags     = ["${REGISTRY}/agent:${TAG}"]
}

target "collector" {
  inherits = ["common"]
  target   = "collector"
  tags     = ["${REGISTRY}/collector:${TAG}"]
}
