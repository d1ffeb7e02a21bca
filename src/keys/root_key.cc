#include "keys/root_key.h"

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/encoding.h"

namespace entrepot::keys {
namespace {

using blobs::Access;
using blobs::File;
using blobs::Files;
using blobs::Lift;

// The file: this line, then the key in hex and a line feed.
constexpr std::string_view kFirstLine = "entrepot root key 1\n";
constexpr std::string_view kFirstName = "root-key", kLaterNames = "root-key-";
constexpr std::size_t kFileLength = kFirstLine.size() + 2 * SecretKey::kLength + 1;

std::string_view Label(RootKey::Purpose purpose) {
  switch (purpose) {
    case RootKey::Purpose::kServiceKeys:
      return "entrepot root: service keys";
    case RootKey::Purpose::kAccessKeySecrets:
      return "entrepot root: access key secrets";
    case RootKey::Purpose::kTokenKeys:
      return "entrepot root: token keys";
  }
  return {};
}

std::optional<SecretKey> ParseFile(Bytes content) {
  const std::string_view text = AsText(content);
  if (text.size() != kFileLength || !text.starts_with(kFirstLine) || text.back() != '\n') return std::nullopt;
  auto key = HexDecode(text.substr(kFirstLine.size(), 2 * SecretKey::kLength));
  if (!key) return std::nullopt;
  const SecretKey parsed = SecretKey::From(*key);
  Wipe(*key);
  return parsed;
}

enum class Found { kAbsent, kUnfinished, kKey };

struct Reading {
  Found found = Found::kAbsent;
  std::optional<SecretKey> key;
};

/// What a crash during creation may leave: a beginning of the file, perhaps with blocks that never got their
/// bytes.
bool IsUnfinished(Bytes content) { return content.size() < kFileLength || content[0] == 0; }

Result<Reading> ReadFile(Files& files, const std::string& path) {
  const auto file = files.Open(path, Access::kRead);
  if (!file && file.error().number == ENOENT) return Reading{};
  if (!file) return Fail(blobs::ToError(file.error(), path));
  const blobs::FileStatus status = TRY(Lift((*file)->Status(), path));
  if ((status.permissions & 0077) != 0)
    return Fail(ErrorCode::kConfiguration,
                "others can read the root key " + path + ": its mode must be 0600");

  ByteVector content(kFileLength + 1);
  content.resize(TRY(Lift(ReadFully(**file, 0, content), path)));
  Reading reading{Found::kKey, ParseFile(content)};
  const bool unfinished = !reading.key && IsUnfinished(content);
  Wipe(content);
  if (unfinished) return Reading{Found::kUnfinished, std::nullopt};
  if (!reading.key)
    return Fail(ErrorCode::kConfiguration, path + " is no root key: restore it from your backup");
  return reading;
}

Result<> WriteFile(Files& files, const std::string& path, const SecretKey& key) {
  std::string text = std::string(kFirstLine) + HexEncode(key.bytes()) + '\n';
  const std::unique_ptr<File> file = TRY(Lift(files.Create(path), path));
  const auto written = WriteFully(*file, 0, AsBytes(text));
  Wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  TRY(Lift(written, path));
  return Lift(file->Sync(), path);
}

Result<> Create(Files& files, const std::string& directory, const std::string& path) {
  const auto made = files.MakeDirectory(directory);
  if (!made && made.error().number != EEXIST) return Fail(blobs::ToError(made.error(), directory));
  TRY(WriteFile(files, path, SecretKey::Generate()));
  TRY(Lift(files.SyncDirectory(directory), directory));
  const std::string parent = directory.substr(0, directory.find_last_of('/') + 1);
  return Lift(files.SyncDirectory(parent.empty() ? "." : parent), parent);
}

std::string PathOf(const std::string& directory, std::string_view name) {
  return directory + "/" + std::string(name);
}

/// The names of files that are, or should have become, root keys.
Result<std::vector<std::string>> KeyFiles(Files& files, const std::string& directory) {
  std::vector<std::string> names = TRY(Lift(files.List(directory), directory));
  std::erase_if(names,
                [](const std::string& name) { return name != kFirstName && !name.starts_with(kLaterNames); });
  std::ranges::sort(names);
  return names;
}

}  // namespace

RootKey::RootKey(SecretKey key)
    : key_(std::move(key)),
      id_(HexEncode(Bytes(DeriveKey(key_.bytes(), {}, AsBytes("entrepot root: id")).bytes()).first(8))) {}

Result<RootKey> RootKey::Load(Files& files, const std::string& directory, RootKeyPolicy policy) {
  const std::string path = PathOf(directory, kFirstName);
  Reading reading = TRY(ReadFile(files, path));
  if (reading.found != Found::kKey && policy == RootKeyPolicy::kMayCreate) {
    if (reading.found == Found::kUnfinished) TRY(Lift(files.Unlink(path), path));
    TRY(Create(files, directory, path));
    reading = TRY(ReadFile(files, path));
  }
  if (!reading.key)
    return Fail(ErrorCode::kConfiguration,
                "the root key " + path +
                    " is missing, and what is stored was encrypted under it: restore it "
                    "from your backup");
  return RootKey(*std::move(reading.key));
}

Result<std::vector<RootKey>> RootKey::LoadNamed(Files& files, const std::string& directory,
                                                const std::set<std::string>& ids) {
  std::vector<RootKey> found;
  for (const std::string& name : TRY(KeyFiles(files, directory))) {
    Reading reading = TRY(ReadFile(files, PathOf(directory, name)));
    if (!reading.key) continue;
    RootKey key(*std::move(reading.key));
    if (ids.contains(key.id())) found.push_back(std::move(key));
  }
  for (const std::string& id : ids)
    if (std::ranges::find(found, id, &RootKey::id) == found.end())
      return Fail(ErrorCode::kConfiguration,
                  "the root key " + id + " is missing in " + directory +
                      ", and what is stored was encrypted under it: restore it from your backup");
  return found;
}

Result<RootKey> RootKey::Add(Files& files, const std::string& directory) {
  const RootKey made(SecretKey::Generate());
  const std::string path = PathOf(directory, std::string(kLaterNames) + made.id());
  TRY(WriteFile(files, path, made.key_));
  TRY(Lift(files.SyncDirectory(directory), directory));
  Reading reading = TRY(ReadFile(files, path));
  if (!reading.key || RootKey(*reading.key).id() != made.id())
    return Fail(ErrorCode::kStorageFault, path + " does not read back as it was written");
  return made;
}

Result<> RootKey::RemoveOthers(Files& files, const std::string& directory, const RootKey& kept) {
  for (const std::string& name : TRY(KeyFiles(files, directory))) {
    const std::string path = PathOf(directory, name);
    const Reading reading = TRY(ReadFile(files, path));
    if (reading.key && RootKey(*reading.key).id() == kept.id()) continue;
    TRY(Lift(files.Unlink(path), path));
  }
  return Lift(files.SyncDirectory(directory), directory);
}

SecretKey RootKey::Derive(Purpose purpose) const {
  return DeriveKey(key_.bytes(), {}, AsBytes(Label(purpose)));
}

RootSeals::RootSeals(const RootKey& root_key)
    : service_keys(root_key.SealingKey(RootKey::Purpose::kServiceKeys)),
      access_keys(root_key.SealingKey(RootKey::Purpose::kAccessKeySecrets)),
      token_keys(root_key.SealingKey(RootKey::Purpose::kTokenKeys)) {}

void RootSeals::Add(const RootKey& root_key) {
  service_keys.Add(root_key.SealingKey(RootKey::Purpose::kServiceKeys));
  access_keys.Add(root_key.SealingKey(RootKey::Purpose::kAccessKeySecrets));
  token_keys.Add(root_key.SealingKey(RootKey::Purpose::kTokenKeys));
}

void RootSeals::Use(std::string_view id) {
  for (SealingKeys* keys : {&service_keys, &access_keys, &token_keys}) keys->Use(id);
}

void RootSeals::DropOthers(std::string_view id) {
  for (SealingKeys* keys : {&service_keys, &access_keys, &token_keys}) keys->DropOthers(id);
}

}  // namespace entrepot::keys
