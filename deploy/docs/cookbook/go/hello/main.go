// Hello says hello to everybody on a presence channel, and lists them.
//
//	go run hello/main.go presence-x "good morning"
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
)

// call sends body as JSON, when there is one, and reads the answer's JSON into result.
func call(method, path string, body, result any) error {
	base := os.Getenv("APINATORD_URL")
	if base == "" {
		base = "http://localhost:8787"
	}
	var content bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&content).Encode(body); err != nil {
			return err
		}
	}
	request, err := http.NewRequest(method, base+path, &content)
	if err != nil {
		return err
	}
	if token := os.Getenv("APINATORD_TOKEN"); token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		var problem struct{ Code, Detail string }
		json.NewDecoder(answer.Body).Decode(&problem)
		return fmt.Errorf("%s: %s", problem.Code, problem.Detail)
	}
	return json.NewDecoder(answer.Body).Decode(result)
}

func main() {
	log.SetFlags(0)
	channel, text := os.Args[1], os.Args[2]
	event := map[string]any{"event": "client-hello", "data": map[string]string{"text": text}}
	var sent struct{ App, Channel, Event string }
	if err := call(http.MethodPost, "/channels/"+channel+"/events", event, &sent); err != nil {
		log.Fatal(err)
	}
	var room struct {
		Members []struct {
			UserID   string                `json:"user_id"`
			UserInfo struct{ Name string } `json:"user_info"`
		}
	}
	if err := call(http.MethodGet, "/channels/"+channel+"/members", nil, &room); err != nil {
		log.Fatal(err)
	}
	for _, member := range room.Members {
		fmt.Println(member.UserID, member.UserInfo.Name)
	}
}
