// As much of the ESP32 core for Arduino as the examples use, with its signatures, to compile them without it.
#pragma once

#include <cstdint>
#include <cstring>
#include <ctime>
#include <string>

#define PROGMEM

class String : public std::string {
 public:
  String(const char *text = "") : std::string(text) {}
};

class HardwareSerial {
 public:
  void begin(unsigned long baud);
  size_t print(const char *text);
  size_t println(const char *text);
  size_t println(int number);
  size_t printf(const char *format, ...) __attribute__((format(printf, 2, 3)));
};
extern HardwareSerial Serial;

void delay(uint32_t milliseconds);
void configTime(long zone, int summer, const char *server1, const char *server2 = nullptr, const char *server3 = nullptr);
void setup();
void loop();
