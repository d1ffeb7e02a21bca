#include "http/connection.h"

#include "base/check.h"
#include "http/answer.h"
#include "http/channel.h"
#include "http/forwarding.h"
#include "http/host_name.h"
#include "http/loop.h"
#include "http/request_body.h"
#include "http/source_budget.h"
#include "http/upload.h"

namespace entrepot::http {
namespace {

constexpr std::size_t kFirstBufferedBytes = 16u << 10;
/// Room beyond the limit, so that a chunked body's last bytes are not received one by one.
constexpr std::size_t kBufferSlack = 4096;

/// The name a TLS client asked for is the name it talks to: another Host belongs on another connection.
bool ServerNameDiffers(const Peer& peer, std::string_view host) {
  if (peer.tls_server_name.empty()) return false;
  const std::string_view name = host.starts_with('[') ? host : host.substr(0, host.rfind(':'));
  return !EqualsIgnoreCase(name, peer.tls_server_name);
}

class Connection {
 public:
  Connection(Loop& loop, UniqueFd socket, const Endpoint& peer, const std::shared_ptr<TlsContext>& tls)
      : loop_(loop), handler_(*loop.server().options.handler), channel_(loop, std::move(socket), peer, tls) {}

  ~Connection() { loop_.ReleaseBuffer(std::move(buffer_)); }

  Awaitable<void> Run() {
    if (!co_await channel_.Handshake()) co_return;
    while (co_await AwaitRequest() && co_await ServeOne()) {
    }
    if (linger_) co_await channel_.LingeringClose();
  }

 private:
  /// What became of a body that Handle is to get whole.
  enum class Buffering { kWhole, kBeyond, kNoMemory, kClosed, kMalformed };

  /// One request and its answer; false = the connection ends.
  Awaitable<bool> ServeOne() {
    if (!co_await ReadHead()) co_return false;
    auto parsed = buffer_->parser.Parse(head_text_);
    buffer_->Consume(head_text_.size());
    if (!parsed) co_return co_await RefuseHead(parsed.error());
    RequestHead& head = parsed->head;
    loop_.counters.requests.Add();
    if (const auto refusal = Identify(head)) co_return co_await RefuseHead(*refusal, head.method);
    if (loop_.draining()) co_return co_await Refuse(head, Refusal::kDraining, head.has_body());

    if (head.has_body()) co_return co_await ServeWithBody(*parsed);
    Response response;
    if (handler_.TryAnswer(head, response)) {
      loop_.counters.answered_inline.Add();
      co_return co_await Answer(head, response, false);
    }
    RequestBody none(channel_, *buffer_, *parsed);
    co_return co_await Handle(head, {}, none, false);
  }

  /// Says who asks, and for which Host: the one that counts in the end must be a host's name, whatever a
  /// proxy called us.
  std::optional<HeadRefusal> Identify(RequestHead& head) {
    if (const auto refusal = FindAsker(head)) return refusal;
    if (!IsHostName(head.host)) return HeadRefusal{400, "Host is not a lower-case host name"};
    return std::nullopt;
  }

  /// What a proxy asks of us is no business of its client: only direct connections are held to their TLS
  /// server name.
  std::optional<HeadRefusal> FindAsker(RequestHead& head) {
    Peer& asker = buffer_->asker;
    channel_.Describe(asker);
    head.peer = &asker;
    const TrustedProxies& proxies = loop_.server().options.trusted_proxies;
    if (!IsTrusted(proxies, channel_.peer().address)) {
      if (ServerNameDiffers(asker, head.host)) return HeadRefusal{421, "the TLS server name is not the Host"};
      return std::nullopt;
    }
    const auto client = ReadForwarding(head.headers, channel_.peer().address, proxies);
    if (!client) return client.error();
    if (*client) Impersonate(**client, head, asker);
    return std::nullopt;
  }

  void Impersonate(const ForwardedClient& client, RequestHead& head, Peer& asker) {
    asker = {.address = client.address.ToString(),
             .ip = client.address,
             .loopback = client.address.loopback(),
             .tls = client.tls.value_or(asker.tls),
             .tls_server_name = ""};
    if (!client.host.empty()) buffer_->parser.ReplaceHost(head, client.host);
  }

  /// Until a request begins. Nothing but this frame waits for an idle connection's next request.
  Awaitable<bool> AwaitRequest() {
    if (buffer_ != nullptr && !buffer_->empty()) {
      buffer_->Compact();
      co_return true;
    }
    loop_.ReleaseBuffer(std::move(buffer_));
    if (loop_.draining()) co_return false;
    channel_.Enter(Phase::kIdle);
    if (co_await channel_.WaitReadable() != Io::kOk) co_return false;
    buffer_ = loop_.AcquireBuffer();
    co_return true;
  }

  /// Receives until a whole head lies at the front of the buffer.
  Awaitable<bool> ReadHead() {
    channel_.Enter(Phase::kHead);
    HeadScanner scanner;
    for (;;) {
      if (SkipEmptyLine()) scanner = {};
      if (!buffer_->empty()) {
        const HeadScanner::State state = scanner.Scan(buffer_->pending());
        if (state == HeadScanner::State::kMalformed)
          co_return co_await RefuseHead({400, "malformed request head"});
        if (state == HeadScanner::State::kComplete) break;
      }
      if (buffer_->space().empty()) co_return co_await RefuseHead({431, "request head too large"});
      const ReadResult read = co_await channel_.ReadSome(buffer_->space());
      if (read.status != Io::kOk) co_return false;
      buffer_->Filled(read.bytes);
    }
    head_text_ = buffer_->pending().substr(0, scanner.length());
    co_return true;
  }

  /// Some clients end a body with a line end too many (RFC 9112 2.2).
  bool SkipEmptyLine() {
    bool skipped = false;
    for (; buffer_->pending().starts_with("\r\n"); skipped = true) buffer_->Consume(2);
    return skipped;
  }

  Awaitable<bool> ServeWithBody(const ParsedHead& parsed) {
    const RequestHead& head = parsed.head;
    const BodyPlan plan = handler_.PlanBody(head);
    RequestBody body(channel_, *buffer_, parsed);
    const bool large = body.remaining().value_or(plan.buffer_up_to) > kUncheckedBody;
    const bool whole_or_not_at_all = body.remaining().value_or(0) <= plan.buffer_up_to;
    if (plan.stream_beyond && !whole_or_not_at_all)
      if (std::unique_ptr<BodySink> sink = handler_.TryReceive(head))
        co_return co_await Receive(head, std::move(sink), body);
    if (plan.check_head && large && whole_or_not_at_all) {
      auto checked = co_await Check(head);
      if (!checked) co_return co_await Refuse(head, Refusal::kBusy, true);
      if (*checked) co_return co_await Answer(head, **checked, true);
    }
    std::string whole;
    MemoryHold hold;
    SourceHold share(loop_.server().sources, buffer_->asker.ip);
    switch (co_await Buffer(body, plan.buffer_up_to, whole, hold, share)) {
      case Buffering::kWhole:
        co_return co_await Handle(head, std::move(whole), body, false);
      case Buffering::kNoMemory:
        co_return co_await Refuse(head, Refusal::kBusy, true);
      case Buffering::kMalformed:
        co_return co_await RefuseHead({400, "malformed chunked body"});
      case Buffering::kClosed:
        co_return false;
      case Buffering::kBeyond:
        break;
    }
    if (!plan.stream_beyond) co_return co_await Refuse(head, Refusal::kBodyTooLarge, true);
    body.Unread(std::move(whole));
    // What was buffered no longer counts: a stream that held memory while it waits for blocks could wait for
    // another that does the same. New bodies are refused while anyone waits, so at most twice the budget is
    // in use.
    hold = MemoryHold();
    share.Release();
    co_return co_await Handle(head, {}, body, true);
  }

  /// Nothing: the workers are busy.
  Awaitable<std::optional<std::optional<Response>>> Check(const RequestHead& head) {
    channel_.Enter(Phase::kWorking);
    co_return co_await channel_.RunOn(workers(), Channel::Admission::kMayRefuse,
                                      [&] { return handler_.CheckHead(head); });
  }

  /// Receives a body of at most `limit` bytes into `whole`; of a chunked one that is longer, its beginning.
  Awaitable<Buffering> Buffer(RequestBody& body, std::uint64_t limit, std::string& whole, MemoryHold& hold,
                              SourceHold& share) {
    if (body.remaining().value_or(0) > limit) co_return Buffering::kBeyond;
    const std::size_t most = body.remaining().value_or(limit + kBufferSlack);
    channel_.Enter(Phase::kReceiving);
    std::size_t size = 0;
    BodyPiece piece{BodyStatus::kBytes};
    while (size <= limit) {
      if (size == whole.size() && size < most) {
        const std::size_t grown = std::min(most, std::max(kFirstBufferedBytes, 4 * whole.size()));
        if (grown > kUncheckedBody && !share.Grow(grown)) co_return Buffering::kNoMemory;
        if (!hold.Grow(channel_.memory(), grown - whole.size())) co_return Buffering::kNoMemory;
        whole.resize(grown);
      }
      piece = co_await body.Read({reinterpret_cast<std::uint8_t*>(whole.data()) + size, whole.size() - size});
      if (piece.status != BodyStatus::kBytes) break;
      size += piece.bytes;
    }
    whole.resize(size);
    if (piece.status == BodyStatus::kBytes) co_return Buffering::kBeyond;
    if (piece.status == BodyStatus::kMalformed) co_return Buffering::kMalformed;
    co_return piece.status == BodyStatus::kEnd ? Buffering::kWhole : Buffering::kClosed;
  }

  /// Has the request handled on a worker. `pending`: the body is still to be read.
  Awaitable<bool> Handle(const RequestHead& head, std::string whole, RequestBody& body, bool pending) {
    channel_.Enter(Phase::kWorking);
    std::optional<Reply> reply = co_await channel_.RunOn(workers(), Channel::Admission::kMayRefuse, [&] {
      return handler_.Handle(head, std::move(whole), pending);
    });
    if (!reply) co_return co_await Refuse(head, Refusal::kBusy, pending);
    if (body.overran()) overran_ = true;
    if (Response* response = std::get_if<Response>(&*reply))
      co_return co_await Answer(head, *response, pending);
    CHECK(pending);
    co_return co_await Receive(head, std::get<std::unique_ptr<BodySink>>(std::move(*reply)), body);
  }

  Awaitable<bool> Receive(const RequestHead& head, std::unique_ptr<BodySink> sink, RequestBody& body) {
    const UploadEnd end = co_await StreamBody(channel_, body, *sink);
    overran_ = overran_ || body.overran();
    if (end == UploadEnd::kClosed || end == UploadEnd::kMalformed) {
      co_await channel_.RunOn(workers(), Channel::Admission::kAlways, [sink = std::move(sink)]() mutable {
        std::exchange(sink, nullptr)->Abort();
        return true;
      });
      if (end == UploadEnd::kMalformed) co_return co_await RefuseHead({400, "malformed chunked body"});
      co_return false;
    }
    Response at_once;
    if (end == UploadEnd::kComplete && sink->TryFinish(at_once)) {
      sink.reset();  // what it holds is free for the next request, which may come as soon as the answer
                     // leaves
      co_return co_await Answer(head, at_once, !body.complete());
    }
    auto response = co_await channel_.RunOn(
        workers(), Channel::Admission::kAlways,
        [sink = std::move(sink)]() mutable { return std::exchange(sink, nullptr)->Finish(); });
    if (!response) co_return false;
    co_return co_await Answer(head, *response, !body.complete());
  }

  /// Sends the answer; `unread` = some of the request's body was not read, which ends the connection.
  Awaitable<bool> Answer(const RequestHead& head, Response& response, bool unread) {
    const bool close = unread || overran_ || response.close || !head.keep_alive || loop_.draining();
    const bool sent =
        co_await SendAnswer(channel_, buffer_->answer_head, response, {head.method == Method::kHead, close});
    linger_ = sent && close && (unread || overran_ || !buffer_->empty());
    co_return sent && !close;
  }

  Awaitable<bool> Refuse(const RequestHead& head, Refusal why, bool unread) {
    loop_.counters.refused.Add();
    Response response = handler_.Refuse(head, why);
    co_return co_await Answer(head, response, unread);
  }

  /// For what is wrong before any handler can be asked.
  Awaitable<bool> RefuseHead(HeadRefusal refusal, Method method = Method::kOther) {
    loop_.counters.protocol_errors.Add();
    Response response = TextResponse(refusal.status, "text/plain", std::string(refusal.reason) + "\n");
    response.Add("X-Content-Type-Options", "nosniff")
        .Add("Content-Security-Policy", "sandbox; default-src 'none'")
        .Add("Content-Disposition", "attachment");  // whose answer it would have been is not known here
    linger_ = co_await SendAnswer(channel_, buffer_->answer_head, response,
                                  {.head_request = method == Method::kHead, .close = true});
    co_return false;
  }

  ThreadPool& workers() { return *loop_.server().options.workers; }

  Loop& loop_;
  Handler& handler_;
  Channel channel_;
  std::unique_ptr<RequestBuffer> buffer_;
  std::string_view head_text_;  // in the buffer, of the request in progress
  bool overran_ = false;        // bytes of a next request were lost
  bool linger_ = false;
};

Awaitable<void> Run(std::unique_ptr<Connection> connection) { co_await connection->Run(); }

}  // namespace

void ServeConnection(Loop& loop, UniqueFd socket, const Endpoint& peer,
                     const std::shared_ptr<TlsContext>& tls) {
  auto connection = std::make_unique<Connection>(loop, std::move(socket), peer, tls);
  asio::co_spawn(loop.executor(), Run(std::move(connection)), asio::detached);
}

}  // namespace entrepot::http
