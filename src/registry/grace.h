#pragma once

// How long a layer that no image refers to is held, in store time (design-storage 1.7).

#include <chrono>

namespace entrepot::registry {

/// From its upload, its mount, or the loss of its last reference.
inline constexpr std::chrono::hours kGrace{24};
/// What an answer that it exists extends its hold to, when less than kGrace remains.
inline constexpr std::chrono::hours kClaimedGrace{48};
/// How long an upload session, and the memory of a finished one, lasts.
inline constexpr std::chrono::hours kUploadLifetime{24};

}  // namespace entrepot::registry
