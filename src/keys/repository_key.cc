#include "keys/repository_key.h"

#include <utility>

#include "keys/wrapping.h"

namespace entrepot::keys {
namespace {

constexpr std::string_view kDataKeyLabel = "entrepot repository key: data key";
constexpr std::string_view kSealLabel = "entrepot repository key: sealed data";
constexpr std::array<std::uint8_t, 1> kVersion{1};

ByteVector Context(const BlobWrapContext& context) {
  return Framed({AsBytes("blob"), NumberBytes(static_cast<std::uint64_t>(context.domain)), context.file_id,
                 context.digest.ToStored(), NumberBytes(context.size), Sha256(context.layout)});
}

ByteVector Context(const UploadWrapContext& context) {
  return Framed({AsBytes("upload"), NumberBytes(static_cast<std::uint64_t>(context.domain)), context.file_id,
                 AsBytes(context.upload)});
}

}  // namespace

RepositoryKey::RepositoryKey(std::int64_t registry, std::int64_t repository, std::int64_t id,
                             std::shared_ptr<const SecretKey> key, KeyStateStamp stamp)
    : registry_(registry), repository_(repository), id_(id), key_(std::move(key)), stamp_(stamp) {}

ByteVector RepositoryKey::Wrap(const DataKey& data_key, const BlobWrapContext& context) const {
  return WrapFor(data_key, Context(context));
}
ByteVector RepositoryKey::Wrap(const DataKey& data_key, const UploadWrapContext& context) const {
  return WrapFor(data_key, Context(context));
}
Result<DataKey> RepositoryKey::Unwrap(Bytes wrapped, const BlobWrapContext& context) const {
  return UnwrapFor(wrapped, Context(context));
}
Result<DataKey> RepositoryKey::Unwrap(Bytes wrapped, const UploadWrapContext& context) const {
  return UnwrapFor(wrapped, Context(context));
}

ByteVector RepositoryKey::Seal(std::string_view purpose, Bytes subject, Bytes plain) const {
  return SealUnder(*key_, kSealLabel, Bind(AsBytes(purpose), subject), plain);
}
Result<ByteVector> RepositoryKey::Open(std::string_view purpose, Bytes subject, Bytes sealed) const {
  return OpenUnder(*key_, kSealLabel, Bind(AsBytes(purpose), subject), sealed);
}

ByteVector RepositoryKey::WrapFor(const DataKey& data_key, Bytes context) const {
  if (!data_key) return {};
  return SealUnder(*key_, kDataKeyLabel, Bind({}, context), data_key->bytes());
}
Result<DataKey> RepositoryKey::UnwrapFor(Bytes wrapped, Bytes context) const {
  if (wrapped.empty()) return std::nullopt;
  return TRY(OpenKeyUnder(*key_, kDataKeyLabel, Bind({}, context), wrapped));
}

ByteVector RepositoryKey::Bind(Bytes label, Bytes context) const {
  return Framed({kVersion, NumberBytes(static_cast<std::uint64_t>(registry_)),
                 NumberBytes(static_cast<std::uint64_t>(repository_)), label, context});
}

}  // namespace entrepot::keys
