#include "blobs/stream_hash.h"

#include <algorithm>

namespace entrepot::blobs {

StreamHash::StreamHash(Suite suite, bool sha512) : suite_(suite), next_mark_(RunContent(suite)) {
  hashers_.emplace_back(HashAlgorithm::kSha256);
  if (sha512) hashers_.emplace_back(HashAlgorithm::kSha512);
  KeepStates();
}

StreamHash::StreamHash(Suite suite, std::vector<Hasher> hashers, std::uint64_t received)
    : suite_(suite),
      hashers_(std::move(hashers)),
      received_(received),
      next_mark_((received / RunContent(suite) + 1) * RunContent(suite)) {
  KeepStates();
}

Result<StreamHash> StreamHash::FromStates(Suite suite, std::uint64_t settled,
                                          const std::vector<ByteVector>& states) {
  std::vector<Hasher> hashers;
  for (const ByteVector& state : states) hashers.push_back(TRY(Hasher::FromState(state)));
  if (std::ranges::count(hashers, HashAlgorithm::kSha256, &Hasher::algorithm) != 1)
    return Fail(ErrorCode::kDamaged, "a checkpoint without the state of SHA-256");
  return StreamHash(suite, std::move(hashers), settled);
}

void StreamHash::Update(Bytes plain) {
  for (; next_mark_ < received_ + plain.size(); next_mark_ += RunContent(suite_)) {
    const std::size_t before = next_mark_ - received_;
    UpdateAll(plain.first(before));
    plain = plain.subspan(before);
    marks_.push_back({next_mark_, States(), plain.front()});
  }
  const std::uint64_t settled = SettledContent(suite_, received_ + plain.size());
  if (settled > SettledContent(suite_, received_)) {  // then the boundary lies in `plain`
    const std::size_t before = settled - received_;
    UpdateAll(plain.first(before));
    KeepStates();
    plain = plain.subspan(before);
  }
  UpdateAll(plain);
}

std::optional<Digest> StreamHash::Value(HashAlgorithm algorithm) const {
  const auto hasher = std::ranges::find(hashers_, algorithm, &Hasher::algorithm);
  if (hasher == hashers_.end()) return std::nullopt;
  return Digest::FromHash(algorithm, hasher->Value());
}

void StreamHash::UpdateAll(Bytes plain) {
  for (Hasher& hasher : hashers_) hasher.Update(plain);
  received_ += plain.size();
}

void StreamHash::KeepStates() { settled_states_ = States(); }

std::vector<ByteVector> StreamHash::States() const {
  std::vector<ByteVector> states;
  for (const Hasher& hasher : hashers_) states.push_back(hasher.ExportState());
  return states;
}

}  // namespace entrepot::blobs
