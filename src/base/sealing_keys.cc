#include "base/sealing_keys.h"

#include "base/check.h"

namespace entrepot {

SealingKeys::SealingKeys(Key current) : state_(std::make_shared<State>()) {
  const std::string root = current.root;
  Add(std::move(current));
  Use(root);
}

SealingKeys::Key SealingKeys::Current() const {
  const std::lock_guard lock(state_->mutex);
  return {state_->current, state_->keys.at(state_->current)};
}

std::optional<SecretKey> SealingKeys::Find(std::string_view root) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->keys.find(root);
  return found == state_->keys.end() ? std::nullopt : std::optional(found->second);
}

ByteVector SealingKeys::Seal(Bytes context, Bytes plain) const {
  const Key key = Current();
  const Bytes id = AsBytes(key.root);
  const ByteVector box = SealBox(key.key, context, plain);
  ByteVector sealed(id.begin(), id.end());
  sealed.insert(sealed.end(), box.begin(), box.end());
  return sealed;
}

Result<ByteVector> SealingKeys::Open(Bytes context, Bytes sealed) const {
  const std::string_view root = RootOf(sealed);
  const std::optional<SecretKey> key = Find(root);
  if (!key)
    return Fail(Error(ErrorCode::kKeyFailure)
                    .With("kms_error", "NotFoundException")
                    .With("detail", "sealed under root key " + std::string(root) + ", which is not at hand"));
  return OpenBox(*key, context, sealed.subspan(kIdLength));
}

std::string_view SealingKeys::RootOf(Bytes sealed) {
  return sealed.size() < kIdLength ? std::string_view() : AsText(sealed.first(kIdLength));
}

void SealingKeys::Add(Key key) {
  CHECK(key.root.size() == kIdLength);
  const std::lock_guard lock(state_->mutex);
  state_->keys.insert_or_assign(std::move(key.root), std::move(key.key));
}

void SealingKeys::Use(std::string_view root) {
  const std::lock_guard lock(state_->mutex);
  CHECK(state_->keys.contains(root));
  state_->current = root;
}

void SealingKeys::DropOthers(std::string_view root) {
  const std::lock_guard lock(state_->mutex);
  CHECK(root == state_->current);
  std::erase_if(state_->keys, [&](const auto& entry) { return entry.first != root; });
}

}  // namespace entrepot
