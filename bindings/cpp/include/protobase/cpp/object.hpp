// object.hpp - objects: documents with a class and an id of their own, found by that id.
//
//     protobase::objects people(txn);                            // or of a snapshot, to read
//     auto ann = people.create("Person", protobase::value::map({{"name", "Ann"}})).value();
//     auto found = people.get(ann).value();                      // nothing: there is none
//     auto employer = people.follow(*found, "employer").value();
//
// A reference is a value made of an object_id. Attributes may hold collections, as any value: child().
//
// Ownership: `objects` shares the transaction or snapshot, and ends with a transaction (INVALID); an
// object is a copy of its own. Threads: as the transaction or snapshot. Errors: what is not there is
// nothing, a change in a snapshot READ_ONLY.
#ifndef PROTOBASE_CPP_OBJECT_HPP
#define PROTOBASE_CPP_OBJECT_HPP
#include <protobase/cpp/txn.hpp>

namespace protobase
{

using object_id = pbase_object_id;

// 32 hexadecimal digits, and back (INVALID).
inline std::string to_string(object_id id)
{
    char text[PBASE_OBJECT_ID_TEXT_BYTES + 1];
    pbase_object_id_format(id, text);
    return text;
}
inline result<object_id> parse_object_id(std::string_view text)
{
    object_id out{};
    auto done = detail::checked(
        [&](pbase_error *err) { return pbase_object_id_parse(detail::raw_text(text), &out, err); });
    if (!done) {
        return done.failure();
    }
    return out;
}

class object
{
  public:
    explicit object(const pbase_object &raw)
        : id_(raw.id), class_name_(detail::text_of(raw.class_name)), attributes_(raw.attributes)
    {
    }
    [[nodiscard]] object_id id() const
    {
        return id_;
    }
    [[nodiscard]] const std::string &class_name() const
    {
        return class_name_;
    }
    // A map; to change the object, put another one.
    [[nodiscard]] const value &attributes() const
    {
        return attributes_;
    }
    // An attribute; null when it is missing, which has() tells.
    [[nodiscard]] view operator[](std::string_view name) const
    {
        return attributes_[name];
    }
    [[nodiscard]] bool has(std::string_view name) const
    {
        return attributes_.has(name);
    }

  private:
    object_id id_;
    std::string class_name_;
    value attributes_;
};

class objects
{
  public:
    explicit objects(const txn &in) : txn_(in.shared())
    {
    }
    explicit objects(const snapshot &of) : snapshot_(of.shared())
    {
    }

    // Changes, of a transaction only.
    result<object_id> create(detail::name class_name, const value &attributes)
    {
        object_id out{};
        auto done = changed(attributes, [&](pbase_txn *in, pbase_error *err) {
            return pbase_object_create(in, class_name, &attributes.raw(), &out, err);
        });
        return done ? result<object_id>(out) : done.failure();
    }
    // New attributes; id and class stay. NOT_FOUND.
    result<void> put(object_id id, const value &attributes)
    {
        return changed(attributes, [&](pbase_txn *in, pbase_error *err) {
            return pbase_object_put(in, id, &attributes.raw(), err);
        });
    }
    // The object of that id, created or replaced with its class; true when it was there.
    result<bool> put_as(object_id id, detail::name class_name, const value &attributes)
    {
        bool replaced = false;
        auto done = changed(attributes, [&](pbase_txn *in, pbase_error *err) {
            return pbase_object_put_as(in, id, class_name, &attributes.raw(), &replaced, err);
        });
        return done ? result<bool>(replaced) : done.failure();
    }
    // True when it was there. References to it dangle from then on.
    result<bool> remove(object_id id)
    {
        bool removed = false;
        auto done = changed(value(), [&](pbase_txn *in, pbase_error *err) {
            return pbase_object_remove(in, id, &removed, err);
        });
        return done ? result<bool>(removed) : done.failure();
    }

    // Reading. Nothing: there is none.
    [[nodiscard]] result<std::optional<object>> get(object_id id) const
    {
        return one([&](pbase_arena *arena, pbase_object *out, pbase_error *err) {
            return snapshot_ != nullptr
                       ? pbase_snapshot_object(snapshot_->raw_, id, arena, out, err)
                       : pbase_object_get(in(), id, arena, out, err);
        });
    }
    // Many at once, each where its id stands.
    [[nodiscard]] result<std::vector<std::optional<object>>> get_many(
        const std::vector<object_id> &ids) const
    {
        detail::arena memory;
        std::vector<pbase_object> raw(ids.size());
        auto done = read([&](pbase_error *err) {
            return snapshot_ != nullptr
                       ? pbase_snapshot_object_get_many(snapshot_->raw_, ids.data(), ids.size(),
                                                        memory.raw(), raw.data(), err)
                       : pbase_object_get_many(in(), ids.data(), ids.size(), memory.raw(),
                                               raw.data(), err);
        });
        if (!done) {
            return done.failure();
        }
        std::vector<std::optional<object>> out;
        for (const pbase_object &found : raw) {
            out.push_back(found.found ? std::optional<object>(object(found)) : std::nullopt);
        }
        return out;
    }
    // The object an attribute refers to; nothing when it is null, missing, or dangles. INVALID: it is
    // no reference.
    [[nodiscard]] result<std::optional<object>> follow(const object &from,
                                                       detail::name attribute) const
    {
        if (snapshot_ != nullptr) {
            return followed(from[static_cast<const char *>(attribute)], attribute);
        }
        pbase_object raw{};
        raw.id = from.id();
        raw.found = true;
        raw.class_name = detail::raw_text(from.class_name());
        raw.attributes = from.attributes().raw();
        return one([&](pbase_arena *arena, pbase_object *out, pbase_error *err) {
            return pbase_object_follow(in(), &raw, attribute, arena, out, err);
        });
    }
    [[nodiscard]] result<bool> exists(object_id id) const
    {
        if (snapshot_ != nullptr) {
            auto found = get(id);
            return found ? result<bool>(found.value().has_value()) : found.failure();
        }
        bool out = false;
        auto done =
            read([&](pbase_error *err) { return pbase_object_exists(in(), id, &out, err); });
        return done ? result<bool>(out) : done.failure();
    }
    // The n-th collection in the attributes. To store a changed one, put attributes with it again.
    [[nodiscard]] result<collection> child(object_id id, std::uint64_t n = 0) const
    {
        pbase_collection *raw = nullptr;
        auto done = read([&](pbase_error *err) {
            return snapshot_ != nullptr
                       ? pbase_snapshot_object_child(snapshot_->raw_, id, n, &raw, err)
                       : pbase_object_child(in(), id, n, &raw, err);
        });
        if (!done) {
            return done.failure();
        }
        return snapshot_ != nullptr ? collection(snapshot_, raw) : collection(txn_, raw);
    }
    // Calls `each` (const object &, giving nothing, a bool or a result<void>) for every object of a
    // class, in the order of ids; false and a failure stop.
    template <class Each> result<void> each(detail::name class_name, Each &&each) const
    {
        return visited(static_cast<const char *>(class_name), each);
    }
    // The same for all objects.
    template <class Each> result<void> each(Each &&each) const
    {
        return visited(nullptr, each);
    }
    [[nodiscard]] result<std::uint64_t> count() const
    {
        std::uint64_t out = 0;
        auto done = read([&](pbase_error *err) {
            return snapshot_ != nullptr ? pbase_snapshot_object_count(snapshot_->raw_, &out, err)
                                        : pbase_object_count(in(), &out, err);
        });
        return done ? result<std::uint64_t>(out) : done.failure();
    }

  private:
    [[nodiscard]] pbase_txn *in() const
    {
        return txn_ == nullptr ? nullptr : txn_->raw;
    }
    template <class Call> result<void> read(Call &&call) const
    {
        bool alive = snapshot_ != nullptr ? snapshot_->raw_ != nullptr : in() != nullptr;
        return alive ? detail::checked(call) : detail::gone();
    }
    template <class Call> result<void> changed(const value &what, Call &&call)
    {
        if (snapshot_ != nullptr) {
            return error(PBASE_READ_ONLY, "objects of a snapshot cannot be changed");
        }
        auto alive = what.usable();
        return alive ? read([&](pbase_error *err) { return call(in(), err); }) : alive;
    }
    template <class Call> result<std::optional<object>> one(Call &&call) const
    {
        detail::arena memory;
        pbase_object raw{};
        auto done = read([&](pbase_error *err) { return call(memory.raw(), &raw, err); });
        if (done) {
            return std::optional<object>(object(raw));
        }
        if (done.failure().is_not_found()) {
            return std::optional<object>();
        }
        return done.failure();
    }
    [[nodiscard]] result<std::optional<object>> followed(const view &to,
                                                         const char *attribute) const
    {
        if (to.is_null()) {
            return std::optional<object>();
        }
        auto id = to.get<object_id>();
        if (!id) {
            error wrong;
            (void)PBASE_FAIL(wrong.raw(), PBASE_INVALID, "attribute '%s' is no reference",
                             attribute);
            return wrong;
        }
        return get(*id);
    }
    template <class Each> result<void> visited(const char *class_name, Each &each) const
    {
        auto tell = [&](const pbase_object &raw) { return each(object(raw)); };
        using visit_type = detail::visitor<decltype(tell)>;
        visit_type visit(tell);
        auto take = [](void *state, const pbase_object *raw, pbase_error *cause) {
            return (*static_cast<visit_type *>(state))(cause, *raw);
        };
        return visit.end(read([&](pbase_error *err) {
            return snapshot_ != nullptr
                       ? pbase_snapshot_object_each(snapshot_->raw_, class_name, take, &visit, err)
                       : pbase_object_each(in(), class_name, take, &visit, err);
        }));
    }
    std::shared_ptr<detail::txn_node> txn_; // one of the two
    std::shared_ptr<detail::owned<pbase_snapshot, pbase_snapshot_close>> snapshot_;
};

} // namespace protobase
#endif
