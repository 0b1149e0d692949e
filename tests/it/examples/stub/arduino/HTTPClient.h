#pragma once

#include "WiFi.h"

class HTTPClient {
 public:
  bool begin(WiFiClient &client, String url);
  void addHeader(const String &name, const String &value, bool first = false, bool replace = true);
  int POST(uint8_t *payload, size_t size);
  int POST(String payload);
  void end();
};
