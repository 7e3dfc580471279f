// blob.hpp - bytes of any length with a name and a media type, written and read as streams.
//
//     auto film = protobase::blob::create(txn, "film.mp4", "video/mp4").value();
//     film.append_from(std::cin).value();                        // or append(bytes), again and again
//     films.put("first", film.value().value());                  // where it shall be
//     ...
//     auto film = protobase::blob::open(snapshot.at("films", {"first", "content"})).value();
//     for (protobase::bytes part : film.chunks()) ...            // or write_to(stream), read(offset, ...)
//
// Ownership: a blob ends with its transaction, or keeps its snapshot alive; what was put stays. Bytes
// that are appended go to the storage as they come, and are seen by nobody before the commit. Threads:
// confined. Errors: those of core's blob.h.
#ifndef PROTOBASE_CPP_BLOB_HPP
#define PROTOBASE_CPP_BLOB_HPP
#include <protobase/cpp/txn.hpp>

#include <istream>
#include <ostream>

namespace protobase
{
namespace detail
{
// A copy of a value of the C library whose collections are kept: they come from `from`.
inline result<value> owned_copy(const pbase_value &raw, const std::shared_ptr<node> &from)
{
    if (raw.kind == PBASE_HANDLE) {
        pbase_collection *kept = nullptr;
        auto done = checked(
            [&](pbase_error *err) { return pbase_collection_keep(raw.as.handle, &kept, err); });
        if (!done) {
            return done.failure();
        }
        handle<pbase_collection, pbase_collection_close> keeper(from, kept);
        return value(keeper.shared(), kept);
    }
    if (raw.kind != PBASE_MAP) {
        return value(raw);
    }
    std::vector<value::field> fields;
    for (std::size_t i = 0; i < raw.as.map.count; i++) {
        auto held = owned_copy(raw.as.map.fields[i].value, from);
        if (!held) {
            return held;
        }
        fields.push_back(
            {std::string(text_of(raw.as.map.fields[i].name)), std::move(held).value()});
    }
    return value::map(fields);
}
} // namespace detail

// The bytes of a blob in parts, for a range-based for; a part is lent until the next one.
class blob_chunks : public detail::stepping
{
  public:
    using iterator = detail::step_iterator<blob_chunks, bytes>;
    iterator begin()
    {
        return iterator(advance() ? this : nullptr);
    }
    iterator end()
    {
        return iterator(nullptr);
    }

  private:
    friend iterator;
    friend class blob;
    using owner = std::shared_ptr<detail::owned<pbase_blob, pbase_blob_close>>;
    blob_chunks(owner from, std::uint64_t offset, std::size_t size)
        : from_(std::move(from)), offset_(offset), buffer_(size == 0 ? 1 : size)
    {
    }
    [[nodiscard]] const bytes &current() const
    {
        return current_;
    }
    bool advance()
    {
        error cause;
        std::size_t got = 0;
        if (from_ == nullptr || from_->raw_ == nullptr) {
            return stop(detail::gone());
        }
        pbase_status status = pbase_blob_read(from_->raw_, offset_, buffer_.data(), buffer_.size(),
                                              &got, cause.raw());
        current_ = {buffer_.data(), got};
        offset_ += got;
        return stepped(status == PBASE_OK && got == 0 ? PBASE_END : status, cause);
    }
    owner from_;
    std::uint64_t offset_;
    std::vector<unsigned char> buffer_;
    bytes current_;
};

class blob
{
  public:
    static constexpr std::size_t chunk_bytes = 64 * 1024; // of streaming, unless told otherwise

    blob(std::shared_ptr<detail::node> from, pbase_blob *raw) : raw_(std::move(from), raw)
    {
    }
    // New and empty, until its value is put.
    [[nodiscard]] static result<blob> create(const txn &in, detail::name name,
                                             detail::name media_type)
    {
        pbase_blob *raw = nullptr;
        auto done = detail::checked([&](pbase_error *err) {
            return pbase_blob_create(in.raw(), name, media_type, &raw, err);
        });
        if (!done) {
            return done.failure();
        }
        return blob(in.shared(), raw);
    }
    // Of the content of a stored one: takes the collection. `document` gives name and media type.
    [[nodiscard]] static result<blob> open(collection content, const view &document = {})
    {
        if (content.raw() == nullptr) {
            return detail::gone();
        }
        blob out(content.raw_.parent(), nullptr);
        pbase_collection *taken = content.raw_.release();
        auto done = detail::checked([&](pbase_error *err) {
            return pbase_blob_open(document.is_null() ? nullptr : &document.raw(), &taken,
                                   out.raw_.slot(), err);
        });
        if (!done) {
            return done.failure();
        }
        return out;
    }
    // The same of what opened it: a failure is handed on.
    [[nodiscard]] static result<blob> open(result<collection> content, const view &document = {})
    {
        return content ? open(std::move(content).value(), document)
                       : result<blob>(content.failure());
    }

    // At the end. After a failure the bytes up to some point have been added: size() tells.
    result<void> append(bytes part)
    {
        return detail::checked(raw_, [&](pbase_error *err) {
            return pbase_blob_append(raw(), pbase_bytes_of(part.data, part.size), err);
        });
    }
    result<void> append(std::string_view part)
    {
        return append(bytes{part.data(), part.size()});
    }
    // Everything the stream has left; how many bytes that were. IO: the stream failed.
    result<std::uint64_t> append_from(std::istream &in)
    {
        std::vector<char> buffer(chunk_bytes);
        std::uint64_t total = 0;
        while (in.good()) {
            in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
            const auto got = static_cast<std::size_t>(in.gcount());
            auto done = append(bytes{buffer.data(), got});
            if (!done) {
                return done.failure();
            }
            total += got;
        }
        if (in.bad() || !in.eof()) {
            return error(PBASE_IO, "the stream that a blob is read from failed");
        }
        return total;
    }
    // The document to be put: name, media type, size and content as they are now.
    [[nodiscard]] result<protobase::value> value()
    {
        auto lent = detail::asked<pbase_value>(raw_, [&](pbase_value *out, pbase_error *err) {
            return pbase_blob_value(raw(), out, err);
        });
        if (!lent) {
            return lent.failure();
        }
        return detail::owned_copy(lent.value(), raw_.parent());
    }

    [[nodiscard]] std::uint64_t size() const
    {
        return raw() == nullptr ? 0 : pbase_blob_size(raw());
    }
    // Lent by the blob; empty when nobody gave one.
    [[nodiscard]] std::string_view name() const
    {
        return raw() == nullptr ? std::string_view() : detail::text_of(pbase_blob_name(raw()));
    }
    [[nodiscard]] std::string_view media_type() const
    {
        return raw() == nullptr ? std::string_view()
                                : detail::text_of(pbase_blob_media_type(raw()));
    }
    // Copies up to `size` bytes from `offset` on; fewer at the end only, 0 behind it.
    result<std::size_t> read(std::uint64_t offset, void *buffer, std::size_t size) const
    {
        return detail::asked<std::size_t>(raw_, [&](std::size_t *out, pbase_error *err) {
            return pbase_blob_read(raw(), offset, buffer, size, out, err);
        });
    }
    [[nodiscard]] blob_chunks chunks(std::size_t size = chunk_bytes, std::uint64_t offset = 0) const
    {
        return {raw_.shared(), offset, size};
    }
    // Everything, to a stream. IO: the stream failed.
    result<void> write_to(std::ostream &out) const
    {
        std::vector<char> buffer(chunk_bytes);
        for (std::uint64_t offset = 0;;) {
            auto got = read(offset, buffer.data(), buffer.size());
            if (!got) {
                return got.failure();
            }
            if (got.value() == 0) {
                return {};
            }
            out.write(buffer.data(), static_cast<std::streamsize>(got.value()));
            if (!out) {
                return error(PBASE_IO, "the stream that a blob is written to failed");
            }
            offset += got.value();
        }
    }
    [[nodiscard]] pbase_blob *raw() const
    {
        return raw_.get();
    }

  private:
    detail::handle<pbase_blob, pbase_blob_close> raw_;
};

} // namespace protobase
#endif
