// A reader that opens every document as a PDF of 40 pages and then does what its own name says: it is started
// through a link whose name is the way it misbehaves.
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include <unistd.h>

#include "app/reader/protocol.h"

namespace {

using namespace kvasir;
using namespace kvasir::reader;

bool readBytes(std::string& bytes, std::size_t count) {
    bytes.assign(count, '\0');
    for (std::size_t done = 0; done < count;) {
        const ssize_t got = read(kSocketDescriptor, bytes.data() + done, count - done);
        if (got <= 0) return false;
        done += static_cast<std::size_t>(got);
    }
    return true;
}

void put(const std::string& bytes) {
    for (std::size_t done = 0; done < bytes.size();) {
        const ssize_t sent = write(kSocketDescriptor, bytes.data() + done, bytes.size() - done);
        if (sent <= 0) _exit(1);
        done += static_cast<std::size_t>(sent);
    }
}

void send(Message type, const std::string& payload) {
    put(encodeHeader(type, payload.size()) + payload);
}

PageText pageOf(const std::string& text) {
    PageText page;
    page.text = text;
    page.words.push_back({0, static_cast<std::uint32_t>(text.size()), {1, 1, 9, 9}, Join::Paragraph});
    return page;
}

void answerWords(const std::string& manner, std::uint32_t page) {
    const bool bad = page == 1;
    if (manner == "dies" && bad) raise(SIGKILL);
    if (manner == "dies-always") raise(SIGSEGV);
    if (manner == "hangs" && bad) pause();
    if (manner == "floods" && bad) {
        put(encodeHeader(Message::PageWords, kMaxResponseBytes + 1U));
        while (true)
            put(std::string(65536, 'x'));
    }
    if (manner == "trickles" && bad) {
        put(encodeHeader(Message::PageWords, 1000));
        while (true) {
            put("x");
            usleep(100'000);
        }
    }
    if (manner == "wrong-type" && bad) return send(Message::PageImage, encode(pageOf("words")));
    if (manner == "lies" && bad) {
        PageText liar = pageOf("short");
        liar.words.front().end = 4'000'000'000U;
        return send(Message::PageWords, encode(liar));
    }
    send(Message::PageWords, encode(pageOf("page" + std::to_string(page + 1))));
}

}  // namespace

int main(int, char** arguments) {
    const std::string manner = std::filesystem::path(arguments[0]).filename();
    if (manner == "mute") pause();
    if (manner == "babbles") {
        while (true)
            put("this is not the protocol ");
    }
    Hello hello;
    if (manner == "old") hello.version = 0;
    send(Message::Hello, encode(hello));
    std::string bytes;
    while (readBytes(bytes, kHeaderBytes)) {
        const Header header = decodeHeader(reinterpret_cast<const unsigned char*>(bytes.data()));
        if (!readBytes(bytes, header.payloadBytes)) break;
        switch (static_cast<Message>(header.type)) {
            case Message::Open:
                if (manner == "dies-opening") raise(SIGSEGV);
                send(Message::Opened, encode(Opened{FileFormat::Pdf, std::vector<PageSize>(40, {100, 100})}));
                break;
            case Message::Words:
                answerWords(manner, decodePage(bytes).value_or(0));
                break;
            case Message::Outline:
                send(Message::OutlineItems, encode(std::vector<Document::OutlineItem>{}));
                break;
            case Message::Image:
                send(Message::PageImage, encodeImageHead(50'000, 50'000) + std::string(100, 'x'));
                break;
            default:
                send(Message::Refused, encode(Refused{}));
        }
    }
}
