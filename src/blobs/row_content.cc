#include "blobs/row_content.h"

#include "base/check.h"
#include "base/crypto.h"
#include "blobs/layout.h"

namespace entrepot::blobs {

FinishedBlob SealRowContent(const BlobIdentity& identity, Bytes content, const Digest& digest) {
  CHECK(identity.file.in_row());
  Layout layout{identity.suite(), {Segment{}}};
  Salt& salt = layout.segments.front().salt;
  FillRandom(salt);
  ByteVector sealed(content.size() + TagLength(layout.suite));
  ChunkCipher(identity, 0, salt).Seal(0, true, content, sealed.data());
  return {identity.file, digest, content.size(), layout.Encode(), std::move(sealed)};
}

Result<std::string> OpenRowContent(const BlobIdentity& identity, Bytes layout_bytes, Bytes stored) {
  const Layout layout = TRY(Layout::Decode(layout_bytes));
  TRY(layout.CheckKey(identity));
  if (stored.size() < TagLength(layout.suite))
    return Fail(ErrorCode::kDamaged, "the content in row " + identity.file.name() + " is cut short");
  std::string content(stored.size() - TagLength(layout.suite), '\0');
  ChunkCipher cipher(identity, 0, layout.segments.front().salt);
  if (!cipher.Open(0, true, stored, reinterpret_cast<std::uint8_t*>(content.data())))
    return Fail(ErrorCode::kDamaged, "the content in row " + identity.file.name() + " fails its check");
  return content;
}

}  // namespace entrepot::blobs
