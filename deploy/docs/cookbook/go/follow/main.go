// Follow prints the events of a channel, and goes on where it was when the connection breaks.
//
//	go run follow/main.go presence-x
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
	"time"
)

const silence = 40 * time.Second // the bridge sends something every 15 s

// Event is one line of the stream. Data stays as it came, big numbers included.
type Event struct {
	Event string
	Data  json.RawMessage
	ID    string
}

var errFinal = errors.New("it will not be better next time")

func get(ctx context.Context, path string, fields http.Header) (*http.Response, error) {
	base := os.Getenv("APINATORD_URL")
	if base == "" {
		base = "http://localhost:8787"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
	if err != nil {
		return nil, err
	}
	for name, values := range fields {
		request.Header[name] = values
	}
	if token := os.Getenv("APINATORD_TOKEN"); token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil || answer.StatusCode == http.StatusOK {
		return answer, err
	}
	defer answer.Body.Close()
	var problem struct{ Detail string }
	json.NewDecoder(answer.Body).Decode(&problem)
	err = fmt.Errorf("%s: %s", answer.Status, problem.Detail)
	if answer.StatusCode < 500 {
		err = fmt.Errorf("%w: %v", errFinal, err)
	}
	return nil, err
}

// readState reads what the events change: from your database or API. Here it is what the bridge knows of the channel.
func readState(ctx context.Context, channel string) error {
	answer, err := get(ctx, "/channels/"+channel, nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var state struct {
		LastEventID string `json:"last_event_id"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&state); err != nil {
		return err
	}
	fmt.Println("state", state.LastEventID)
	return nil
}

func handle(ctx context.Context, channel string, event Event) error {
	switch name := event.Event; {
	case name == "bridge:gap": // events may be missing here
		var gap struct{ Reason string }
		if err := json.Unmarshal(event.Data, &gap); err != nil {
			return err
		}
		fmt.Println("gap", gap.Reason)
		return readState(ctx, channel)
	case name == "realtime:subscription_succeeded": // from here on all of them come
		return readState(ctx, channel)
	case strings.HasPrefix(name, "bridge:"), strings.HasPrefix(name, "realtime:"), name == "state_change":
	default:
		fmt.Println(name, string(event.Data))
	}
	return nil
}

// stream handles the events of one connection, and keeps the last id in the header fields for the next one.
func stream(channel string, fields http.Header) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	watchdog := time.AfterFunc(silence, cancel)
	defer watchdog.Stop()
	answer, err := get(ctx, "/channels/"+channel+"/events", fields)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	lines := bufio.NewReader(answer.Body)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return err // what came of a line that was cut comes again
		}
		watchdog.Reset(silence)
		if len(line) == 1 {
			continue // the stream is alive
		}
		var event Event
		if err := json.Unmarshal(line, &event); err != nil {
			return err
		}
		if err := handle(ctx, channel, event); err != nil {
			return err
		}
		// Only now: what could not be handled comes again.
		if event.ID != "" {
			fields.Set("Last-Event-ID", event.ID)
		}
	}
}

func main() {
	fields := http.Header{"Accept": {"application/x-ndjson"}}
	for {
		err := stream(os.Args[1], fields)
		if errors.Is(err, errFinal) {
			log.Fatal(err)
		}
		log.Print("lost the stream: ", err)
		time.Sleep(2 * time.Second)
	}
}
