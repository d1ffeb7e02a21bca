#pragma once

// The status of an image as ECR's shapes spell it: several enumerations of the same names.

#include <optional>

#include "metadata/images.h"

namespace entrepot::ecr {

/// To ImageStatus or ArtifactStatus.
template <class Status>
constexpr Status ToShape(metadata::ImageStatus status) {
  if (status == metadata::ImageStatus::kArchived) return Status::kArchived;
  if (status == metadata::ImageStatus::kActivating) return Status::kActivating;
  return Status::kActive;
}

/// From ImageStatusFilter or ArtifactStatusFilter, which stand for ACTIVE when absent; nothing = any.
template <class Filter>
constexpr std::optional<metadata::ImageStatus> FromFilter(const std::optional<Filter>& filter) {
  if (filter == Filter::kAny) return std::nullopt;
  if (filter == Filter::kArchived) return metadata::ImageStatus::kArchived;
  if (filter == Filter::kActivating) return metadata::ImageStatus::kActivating;
  return metadata::ImageStatus::kActive;
}

}  // namespace entrepot::ecr
