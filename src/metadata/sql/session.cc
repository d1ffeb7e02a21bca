#include "metadata/sql/session.h"

namespace entrepot::metadata::sql {

std::optional<std::int64_t> Cursor::OptionalInt(int column) const {
  if (IsNull(column)) return std::nullopt;
  return Int(column);
}

std::optional<Timestamp> Cursor::OptionalTime(int column) const {
  if (IsNull(column)) return std::nullopt;
  return Time(column);
}

std::optional<std::string> Cursor::OptionalText(int column) const {
  if (IsNull(column)) return std::nullopt;
  return Text(column);
}

std::optional<ByteVector> Cursor::OptionalBlob(int column) const {
  if (IsNull(column)) return std::nullopt;
  return Blob(column);
}

}  // namespace entrepot::metadata::sql
