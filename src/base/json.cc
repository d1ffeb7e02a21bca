#include "base/json.h"

#include <cmath>
#include <set>
#include <string>
#include <vector>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/stream_parser.hpp>

namespace entrepot {
namespace {

namespace json = boost::json;

// Walks the text once, keeping nothing but the keys of the objects that are open.
struct StrictHandler {
  static constexpr std::size_t max_object_size = std::size_t(-1), max_array_size = std::size_t(-1),
                               max_key_size = std::size_t(-1), max_string_size = std::size_t(-1);
  using error_code = boost::system::error_code;
  using string_view = json::string_view;

  DuplicateKeys duplicates;
  std::vector<std::set<std::string, std::less<>>> open;
  std::string key;
  std::string fault;

  bool Refuse(std::string why, error_code& ec) {
    fault = std::move(why);
    ec = json::error::exception;
    return false;
  }
  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) { return open.emplace_back(), true; }
  bool on_object_end(std::size_t, error_code&) { return open.pop_back(), true; }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(std::size_t, error_code&) { return true; }
  bool on_key_part(string_view part, std::size_t, error_code&) { return key.append(part), true; }
  bool on_key(string_view part, std::size_t, error_code& ec) {
    key.append(part);
    const bool fresh = duplicates == DuplicateKeys::kLastWins || open.back().insert(key).second;
    if (!fresh) return Refuse("the member '" + key + "' appears twice", ec);
    key.clear();
    return true;
  }
  bool on_string_part(string_view, std::size_t, error_code&) { return true; }
  bool on_string(string_view, std::size_t, error_code&) { return true; }
  bool on_number_part(string_view, error_code&) { return true; }
  bool on_int64(std::int64_t, string_view, error_code&) { return true; }
  bool on_uint64(std::uint64_t, string_view, error_code&) { return true; }
  bool on_double(double number, string_view, error_code& ec) {
    return std::isfinite(number) || Refuse("a number is too large", ec);
  }
  bool on_bool(bool, error_code&) { return true; }
  bool on_null(error_code&) { return true; }
  bool on_comment_part(string_view, error_code&) { return true; }
  bool on_comment(string_view, error_code&) { return true; }
};

}  // namespace

Result<json::value> ParseJson(std::string_view text, DuplicateKeys duplicates, int max_depth) {
  json::parse_options options;
  options.max_depth = static_cast<std::size_t>(max_depth);
  boost::system::error_code ec;
  json::basic_parser<StrictHandler> strict(options, StrictHandler{duplicates, {}, {}, {}});
  const std::size_t consumed = strict.write_some(false, text.data(), text.size(), ec);
  if (ec) {
    const std::string& fault = strict.handler().fault;
    return Fail(ErrorCode::kMalformedRequest, fault.empty() ? "JSON: " + ec.message() : "JSON: " + fault);
  }
  if (text.find_first_not_of(" \t\r\n", consumed) != text.npos)
    return Fail(ErrorCode::kMalformedRequest, "JSON: text after the value");
  json::stream_parser tree({}, options);
  tree.write(text.data(), text.size(), ec);
  if (!ec) tree.finish(ec);
  if (ec) return Fail(ErrorCode::kMalformedRequest, "JSON: " + ec.message());
  return tree.release();
}

const json::value* FindMember(const json::value& value, std::string_view name) {
  const auto* object = value.if_object();
  return object ? object->if_contains(name) : nullptr;
}

std::string_view StringMember(const json::value& value, std::string_view name) {
  const json::value* member = FindMember(value, name);
  return member && member->is_string() ? std::string_view(member->get_string()) : std::string_view();
}

}  // namespace entrepot
